#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agents/agent.h"
#include "core/config.h"
#include "worldmodel/goal_space.h"
#include "worldmodel/planning/cost.h"
#include "worldmodel/planning/planner.h"
#include "worldmodel/world_model.h"

namespace reverie {

// How an agent plans. Defaults of the planner are LeWorldModel's.
struct PlanningOptions {
  PlannerOptions planner;
  int64_t replan_every = 0;  // blocks of a plan to execute; 0 = the horizon, at most 5
  std::string goal_cost = "last";

  void describe(ConfigFields& fields);
};

// The objective of the plans: goals, a cost, or both. The policy refers to both, so they must
// outlive it.
struct PlanningTask {
  // Adds the distance to each environment's goal to the cost, according to --goal-cost. The
  // observations hold the goals, see GoalSpace::encode_goal().
  GoalSpace* goals = nullptr;
  // A cost added to the distance, for example negative_return() of a model's heads. Its discount
  // and termination also weight the distance.
  PlanningCost cost = {};
  // Action sequences [B, P, T, M] from B states, which become candidates of each search: an
  // actor's, for example. M: as Dynamics::predict() takes them. Empty: none.
  std::function<at::Tensor(const LatentState& start, int64_t horizon)> propose = {};
};

// Receding-horizon control in a world model: make a plan, execute its first blocks of actions,
// observe, and plan again. A new plan begins with the rest of the previous one.
//
// All environments that need a plan at the same time are planned for in one batch. For each, the
// policy remembers the last observations (WorldModel::history()), a block of actions apart, and
// encodes its goal once per episode. (There is one batch for each length of history, and for those
// with and without a plan to begin from.)
class PlanningPolicy final : public Actor {
 public:
  // The model must outlive it. The same seed gives the same plans. Throws Error as make_planner()
  // does, and for a task with neither goals nor a cost.
  PlanningPolicy(WorldModel& model, PlanningTask task, const PlanningOptions& options,
                 uint64_t seed);

  // obs: as the model and the goal space read them.
  Decision act(const TensorMap& obs) override;
  void on_episode_start(const at::Tensor& env_mask) override;
  void on_idle(const at::Tensor& env_mask) override;

  // The current plan of environment `row`, for pictures.
  struct PlannedRollout {
    LatentState start;    // one row: the state that the plan was made in
    at::Tensor actions;   // [T, M], as WorldModel::predict() takes them; undefined before a plan
    int64_t elapsed = 0;  // environment steps since
  };
  PlannedRollout planned_rollout(int64_t row) const;

 private:
  struct Row {
    std::deque<TensorMap> frames;    // one row each, a block of actions apart
    std::deque<at::Tensor> actions;  // [k, ...] between them
    LatentState goal;                // one row; undefined before it is encoded, and without goals
    LatentState start;               // of the plan
    at::Tensor plan;                 // [T, M]
    at::Tensor planned;              // [T, k, ...] in the environment's form
    int64_t elapsed = 0;             // environment steps since the plan was made
    bool idle = false;
  };

  void look(Row& row, const TensorMap& obs, int64_t index) const;
  void plan(const std::vector<int64_t>& rows, const TensorMap& obs);
  PlanningCost cost_of(const std::vector<int64_t>& rows);
  at::Tensor first_guess(const std::vector<int64_t>& rows) const;
  int64_t block() const;
  bool is_due(const Row& row) const;

  WorldModel& model_;
  PlanningTask task_;
  PlanningOptions options_;
  std::unique_ptr<Planner> planner_;
  Rng rng_;
  at::Tensor idle_action_;  // action of rows whose actions are not used
  std::vector<Row> rows_;
};

}  // namespace reverie
