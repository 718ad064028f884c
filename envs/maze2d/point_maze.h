#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "envs/maze2d/maze_map.h"
#include "envs/mujoco_simulation.h"

namespace reverie::maze2d {

using Position = std::array<double, 2>;  // x, y [m]

// Whose rules a maze follows: where its cells lie, how goals and starts are drawn, how near counts.
enum class Convention { kD4rl, kRobotics };

// A map in the coordinates of one convention, with its compiled model. Shared by all instances.
struct Maze {
  Convention convention;
  MazeMap map;
  SharedModel model;
  std::vector<Position> goals;   // where a goal may be
  std::vector<Position> starts;  // where an episode may begin
  double goal_radius;            // [m] nearer than this counts as reached

  // The centre of a cell in the coordinates of qpos [m].
  Position centre(CellIndex cell) const;
};

// Throws Error(kInput) that names file and cell for a map that the convention cannot play: more
// than one goal or marked starts (D4RL), no second cell to start from (Robotics: its reset would
// draw for ever), starts or goals that no way connects.
std::shared_ptr<const Maze> build_maze(Convention convention, MazeMap map);

}  // namespace reverie::maze2d
