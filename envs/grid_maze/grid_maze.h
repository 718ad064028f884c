#pragma once

#include <vector>

#include "envs/env.h"

namespace reverie::grid_maze {

// The grid mazes: `gridmaze-*`, a finite task on the cells of a map. docs/tabular.md describes it.
std::vector<EnvEntry> environments();

}  // namespace reverie::grid_maze
