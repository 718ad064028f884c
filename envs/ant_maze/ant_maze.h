#pragma once

#include <vector>

#include "envs/env.h"

namespace reverie::ant_maze {

// The ant mazes: `antmaze-*`, sparse and dense, follow Gymnasium-Robotics' AntMaze-v5;
// `antmaze-*-d4rl` follow D4RL's antmaze-v2. docs/ant_maze.md lists how they differ.
std::vector<EnvEntry> environments();

}  // namespace reverie::ant_maze
