#pragma once

#include "envs/canvas.h"
#include "envs/cheetah/cheetah_factors.h"
#include "envs/cheetah/planar_tree.h"
#include "envs/env.h"

namespace reverie::cheetah {

// A view from the side on a canvas of any size; the camera follows the torso along x. `x` [m] is
// where the torso's middle is.
void draw_cheetah(Canvas& canvas, View view, const PlanarTree::Capsules& capsules, double x,
                  const FactorValues& factors);

}  // namespace reverie::cheetah
