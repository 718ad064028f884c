#pragma once

#include <memory>

#include "envs/maze/maze_layout.h"
#include "envs/mujoco_simulation.h"

namespace reverie::maze2d {

using maze::Convention;

// A map in the coordinates of one convention, with its compiled model. All instances share it.
struct PointMaze {
  Convention convention;
  maze::MazeLayout layout;
  SharedModel model;
};

inline constexpr double kBallRadius = 0.1;         // [m]
inline constexpr double kD4rlPositionNoise = 0.1;  // [m] half width of a uniform distribution

// Throws Error(kInput) that names file and cell for a map that the convention cannot play: more
// than one goal or marked starts (D4RL), no second cell to start from (Robotics: its reset would
// draw for ever), starts or goals that are not connected.
std::shared_ptr<const PointMaze> build_point_maze(Convention convention, maze::MazeMap map);

}  // namespace reverie::maze2d
