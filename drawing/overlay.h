#pragma once

#include <span>
#include <string>

#include "drawing/canvas.h"

namespace reverie {

// What a viewer wants to know in addition to the picture.
struct Overlay {
  std::string title = {};              // "maze2d-umaze-dense  ddpg"
  double time = 0.0;                   // [s] simulated
  double episode_return = 0.0;         // so far
  std::span<const float> action = {};  // shown as bars in [low, high]
  float low = -1.0F;
  float high = 1.0F;
};

// Draws a panel into the top left corner, in proportion to the canvas. Draws nothing on a canvas
// below 160 x 120.
void draw_overlay(Canvas& canvas, const Overlay& overlay);

}  // namespace reverie
