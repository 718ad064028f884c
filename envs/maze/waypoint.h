#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/random.h"
#include "envs/maze/maze_layout.h"

namespace reverie::maze {

// The scripted controller behind D4RL's maze2d datasets and its reference returns: the shortest
// path through the cells, followed by a proportional-derivative law.
//
//   action = clip(10 [1/m] (waypoint - position) - 1 [s/m] velocity, -1, 1)
//
// Waypoints are the positions of the cells on the path. The last one is the target's cell; all
// others are shifted by uniform noise within 0.1 cells, so that no two paths are alike. The next
// waypoint follows when the point is nearer than 0.1 m to the present one and moved less than 0.1 m
// in the last step. The same two tests decide whether the task is solved at the target's cell.
//
// It has memory, so each environment needs its own instance. The same seed and the same calls give
// the same actions.
//
// Source: D4RL, pointmaze/waypoint_controller.py and q_iteration.py. differs: the path is found by
// breadth-first search. It begins at the nearest free cell when the point's own cell is a wall:
// between D4RL's walls a point may be nearer to a wall's position than to its cell's. D4RL sweeps a
// Q-function (discount 0.99, 50 sweeps) and follows it greedily, which gives the same path,
// including ties, but none longer than 50 cells. On mazes that are not D4RL's the noise is centred
// on the middle between the walls, as D4RL's is on average.
class WaypointController {
 public:
  WaypointController(MazeLayout layout, uint64_t seed);

  struct Command {
    std::array<double, 2> action;  // each in [-1, 1]
    bool solved;                   // the point rests at the target's cell
  };

  // One control step. A target in another cell than before starts a new plan from the current
  // position. position, target [m], velocity [m/s]. Throws Error(kInput) when the position or the
  // target is in no free cell, or when no path connects them.
  Command act(const Position& position, const Position& velocity, const Position& target);

  // Forgets the plan. Call it when the point was moved other than by its own steps.
  void reset() { waypoints_.clear(); }

  // The present plan [m], which ends at the position of the target's cell; empty before the first
  // act().
  const std::vector<Position>& waypoints() const { return waypoints_; }

 private:
  using WorldCell = std::array<int64_t, 2>;  // along x and along y

  WorldCell cell_of(const Position& position) const;
  Position place_of(const WorldCell& cell) const;
  bool is_free(const WorldCell& cell) const;
  WorldCell start_cell(const Position& position) const;
  int64_t steps_from(const WorldCell& cell) const;
  void plan(const Position& start, const WorldCell& target);

  MazeLayout layout_;
  Rng rng_;
  std::vector<int64_t> steps_;  // [rows * columns] cells to the target; -1 = no path
  std::vector<Position> waypoints_;
  size_t next_ = 0;  // index of the current waypoint
  WorldCell target_{};
  Position last_position_{};
};

}  // namespace reverie::maze
