#pragma once

#include <memory>
#include <vector>

#include "envs/env.h"
#include "envs/grid_maze/grid_world.h"
#include "envs/maze/maze_factors.h"

namespace reverie::grid_maze {

// The settings that all instances share.
struct GridTask {
  EnvSpec spec;
  GridWorld world;
  maze::MazeLook look;
};

// One agent that moves from cell to cell. The seed draws the start, uniformly over the world's.
//
// Observation: `cell`, the number of the state (int64), for tables; `observation` [2], the cell's
// column and row scaled to [-1, 1], for networks. Reward -1 a move; the episode terminates at the
// goal.
// Metrics: success, time_to_goal [moves] (NaN until it is reached), optimum [moves]: the fewest
// from the episode's start.
class GridMazeEnv final : public Env {
 public:
  explicit GridMazeEnv(std::shared_ptr<const GridTask> task) : task_(std::move(task)) {}

  const EnvSpec& spec() const override { return task_->spec; }
  void reset(uint64_t seed, FieldViews obs) override;
  StepResult step(ConstFieldView action, FieldViews obs) override;
  std::vector<double> state() const override;
  void set_state(std::span<const double> state) override;
  void draw(Canvas& canvas, View view) const override;
  Metrics metrics() const override;

 private:
  const GridWorld& world() const { return task_->world; }
  bool at_goal() const { return state_ == world().goal(); }
  void observe(FieldViews obs) const;

  std::shared_ptr<const GridTask> task_;
  int64_t state_ = 0;
  int64_t start_ = 0;
  int64_t steps_ = 0;
  bool ended_ = true;  // until the first reset()
};

}  // namespace reverie::grid_maze
