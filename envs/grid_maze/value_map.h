#pragma once

#include <cstdint>
#include <span>

#include "envs/grid_maze/grid_maze_env.h"

namespace reverie::grid_maze {

// Draws the maze with a colour for the value of each cell, from dark (the least) to light (the
// greatest), an arrow for its best move, and its value where a cell has room for the number.
// values, moves: [S]. Throws Error(kInput) for another size or a move out of range.
void draw_value_map(Canvas& canvas, const GridTask& task, std::span<const double> values,
                    std::span<const int64_t> moves);

}  // namespace reverie::grid_maze
