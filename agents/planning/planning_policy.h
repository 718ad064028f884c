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
  int64_t replan_every = 0;  // blocks of a plan that are carried out; 0 = the horizon, at most 5
  std::string goal_cost = "last";

  void describe(ConfigFields& fields);
};

// What plans are made for: goals, a cost, or both together. What is pointed to must outlive the
// policy.
struct PlanningTask {
  // Charges the distance to each environment's goal, as --goal-cost says. The observations hold the
  // goals, see GoalSpace::encode_goal().
  GoalSpace* goals = nullptr;
  // Charged beside the distance, for example negative_return() of a model's heads. Its discount and
  // termination weigh the distance too.
  PlanningCost cost = {};
  // Action sequences [B, P, T, M] from B states, candidates of each search: an actor's, for
  // example. M: as Dynamics::predict() takes them. Empty: none.
  std::function<at::Tensor(const LatentState& start, int64_t horizon)> propose = {};
};

// Receding-horizon control in a world model: make a plan, carry out its first blocks of actions,
// look, plan again from there. A new plan begins with what is left of the one before.
//
// All environments that need a plan at the same time are planned for in one batch. Of each the last
// observations (WorldModel::history()) are remembered, a block of actions apart, and its goal is
// encoded once an episode. (One batch for each length of history, and for those with and without
// a plan to begin from.)
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

  // The plan that environment `row` carries out, for pictures.
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
    at::Tensor planned;              // [T, k, ...] the same as the environment takes it
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
  at::Tensor idle_action_;  // what rows do that matter to nobody
  std::vector<Row> rows_;
};

}  // namespace reverie
