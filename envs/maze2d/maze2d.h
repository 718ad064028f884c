#pragma once

#include <vector>

#include "envs/env.h"

namespace reverie::maze2d {

// The point mazes: `maze2d-*` with D4RL's conventions and `pointmaze-*` with those of
// Gymnasium-Robotics, each in a sparse and a dense version. docs/maze2d.md lists how they differ.
std::vector<EnvEntry> environments();

}  // namespace reverie::maze2d
