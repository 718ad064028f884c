#pragma once

#include <span>
#include <string>

#include "drawing/canvas.h"
#include "drawing/picture.h"

namespace reverie {

// What a film shows in addition to the picture.
struct Overlay {
  std::string title = {};              // "maze2d-umaze-dense  ddpg"
  double time = 0.0;                   // [s] simulated
  double episode_return = 0.0;         // so far
  std::span<const float> action = {};  // shown as bars in [low, high]
  float low = -1.0F;
  float high = 1.0F;
};

// The height of the strip above the picture of a film of that size [px], which holds the overlay so
// that it hides nothing. Even; 0 for a film below 160 x 120, which has none.
int overlay_height(ImageSize film);

// Draws the strip over the first overlay_height() rows and the first film.width columns of the
// canvas.
void draw_overlay(Canvas& canvas, ImageSize film, const Overlay& overlay);

}  // namespace reverie
