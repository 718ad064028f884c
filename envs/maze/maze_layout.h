#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "core/error.h"
#include "envs/maze/maze_map.h"

namespace reverie::maze {

using Position = std::array<double, 2>;  // x, y [m]

double distance(const Position& a, const Position& b);  // [m]

// The library whose rules a maze follows: cell positions, draws of goals and starts, and the goal
// radius.
enum class Convention : uint8_t { kD4rl, kRobotics };

// The direction in which a map's rows follow one another in a world whose y axis points up. Columns
// run along x; with kAlongX rows do, and columns run along y.
enum class Rows : uint8_t { kDown, kUp, kAlongX };

// A map in the coordinates of qpos, with the possible positions of goals and starts.
//
// Cells of the world are counted from the lower left corner: (i, j) is the i-th along x and the
// j-th along y.
struct MazeLayout {
  MazeMap map;
  Rows rows = Rows::kDown;
  double cell = 1.0;  // [m] side of a cell
  Position first{};   // [m] the task's position of cell (0, 0)
  // [m] from a cell's position to the middle between its walls, along x and along y.
  double wall_shift = 0.0;
  double goal_radius = 0.0;  // [m] nearer than this counts as reached

  // Filled by set_places().
  std::vector<Position> goals = {};   // where a goal may be
  std::vector<Position> starts = {};  // where an episode may begin
  std::vector<Position> open = {};    // every cell connected with the starts

  int64_t width() const { return rows == Rows::kAlongX ? map.rows() : map.columns(); }
  int64_t height() const { return rows == Rows::kAlongX ? map.columns() : map.rows(); }

  // Cell (i, j) of the world in the map, and whether it is wall; outside the map there are no
  // walls.
  CellIndex index(int64_t i, int64_t j) const;
  bool is_wall(int64_t i, int64_t j) const;

  // The position of a cell [m].
  Position place(CellIndex cell) const;

  // The lower left corner of the outermost walls [m].
  Position corner() const {
    return {first[0] + wall_shift - cell / 2, first[1] + wall_shift - cell / 2};
  }

  // Takes the positions of these cells. Throws Error(kInput) that names two cells of the map that
  // are not connected: an episode between them could not be solved.
  void set_places(const std::vector<CellIndex>& goal_cells,
                  const std::vector<CellIndex>& start_cells);

  // Throws Error(kInput) that opens with `what`, which names the position, unless the square of
  // half width `clearance` [m] around the position is free of walls and the position can be reached
  // from the starts. The message names the nearest cell that can be reached.
  void check_place(std::string_view what, const Position& place, double clearance) const;
};

// Gymnasium-Robotics' rules, for both its point and its ant: the maze is centred on the origin,
// rows count downwards, a goal is reached within 0.45 m. Goals and starts are the marked cells,
// then those marked as both; if nothing marks a kind, all free cells.
// Throws Error(kInput) that names file and cell for a map without a goal, a start or a second cell
// to start from (a reset would draw for ever), and for unconnected ones.
MazeLayout robotics_layout(MazeMap map, double cell);

// Gymnasium-Robotics' noise on goals and starts, and its minimum distance between a start's cell
// and the goal, in cells.
inline constexpr double kRoboticsNoise = 0.25;  // half width of a uniform distribution, per axis
inline constexpr double kRoboticsStartDistance = 0.5;

}  // namespace reverie::maze
