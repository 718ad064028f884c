#pragma once

#include <span>

#include "drawing/canvas.h"
#include "envs/cheetah/cheetah_factors.h"
#include "envs/cheetah/planar_tree.h"
#include "envs/env.h"

namespace reverie::cheetah {

// A view from the side on a canvas of any size. The camera follows the torso along x, and rises
// when it leaves the picture's middle. An observation shows sky, ground with tiles of half a metre,
// and the body; a film adds hills, distances and shading. qpos: [9], see PlanarTree.
void draw_cheetah(Canvas& canvas, View view, const PlanarTree& tree, std::span<const double> qpos,
                  const FactorValues& factors);

}  // namespace reverie::cheetah
