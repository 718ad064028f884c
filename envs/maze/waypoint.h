#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/random.h"
#include "envs/maze/maze_layout.h"

namespace reverie::maze {

// The scripted controller that D4RL's maze2d datasets and its reference returns come from: the
// shortest way through the cells, followed by a proportional-derivative law.
//
//   action = clip(10 [1/m] (waypoint - position) - 1 [s/m] velocity, -1, 1)
//
// Waypoints are the places of the cells on the way, the last one the target's cell, all others
// shifted by uniform noise within 0.1 cells so that no two ways are alike. The next waypoint's turn
// comes when the point is nearer than 0.1 m to the present one and moved less than 0.1 m in the
// last step; by the same two tests the task is solved at the target's cell.
//
// It has memory: one instance for each environment. The same seed and the same calls give the same
// actions.
//
// Source: D4RL, pointmaze/waypoint_controller.py and q_iteration.py. differs: the way is found by
// breadth-first search, and begins at the nearest free cell where the point's own is a wall:
// between D4RL's walls a point may be nearer to a wall's place than to its cell's. D4RL sweeps a
// Q-function (discount 0.99, 50 sweeps) and follows it greedily, which gives the same way, ties
// included, but none beyond 50 cells. On mazes that are not D4RL's the noise is centred on the
// middle between the walls, as D4RL's is on average.
class WaypointController {
 public:
  WaypointController(MazeLayout layout, uint64_t seed);

  struct Command {
    std::array<double, 2> action;  // each in [-1, 1]
    bool solved;                   // the point rests at the target's cell
  };

  // One control step. A target in another cell than the last one's starts a new plan from where the
  // point is. position, target [m], velocity [m/s]. Throws Error(kInput) when the position or the
  // target is in no free cell, or no way leads from one to the other.
  Command act(const Position& position, const Position& velocity, const Position& target);

  // Forgets the plan: the point was moved by other than its own steps.
  void reset() { waypoints_.clear(); }

  // The present plan [m], the last one the place of the target's cell; empty before the first.
  const std::vector<Position>& waypoints() const { return waypoints_; }

 private:
  using WorldCell = std::array<int64_t, 2>;  // along x and along y

  WorldCell cell_of(const Position& position) const;
  Position place_of(const WorldCell& cell) const;
  bool is_free(const WorldCell& cell) const;
  WorldCell start_cell(const Position& position) const;
  int64_t& steps_from(const WorldCell& cell);
  void measure_steps_to(const WorldCell& target);
  void plan(const Position& start, const WorldCell& target);

  MazeLayout layout_;
  Rng rng_;
  std::vector<int64_t> steps_;    // [width * height] cells to the target; -1 = no way
  std::vector<WorldCell> queue_;  // of the search
  std::vector<Position> waypoints_;
  size_t next_ = 0;  // the waypoint that is headed for
  WorldCell target_{};
  Position last_position_{};
};

}  // namespace reverie::maze
