#pragma once

#include <cstdint>

#include "agents/planning/simulator_dynamics.h"
#include "worldmodel/action_code.h"
#include "worldmodel/goal_space.h"
#include "worldmodel/world_model.h"

namespace reverie {

// The true simulator instead of a learnt model: the upper bound of what planning reaches. Reads the
// fields `simulator_state` and `goal_qpos` (ReachGoalOptions::planner_fields).
class SimulatorModel final : public WorldModel, public GoalSpace {
 public:
  // make: the environments inside the wrapped ones, preferably without pictures. block: environment
  // steps per model step.
  SimulatorModel(const EnvMaker& make, int64_t block, int threads);

  LatentState predict(const LatentState& state, const at::Tensor& action) override;
  bool differentiable() const override { return false; }
  LatentState encode(const TensorMap& obs, const at::Tensor& action) override;
  int64_t history() const override { return 1; }
  const ActionCode& actions() const override { return actions_; }

  LatentState encode_goal(const TensorMap& obs) override;

  // The squared distance of qpos to the goal's, [m^2] and [rad^2] alike.
  at::Tensor distance(const LatentState& state, const LatentState& goal) const override;

 private:
  SimulatorDynamics dynamics_;
  ActionCode actions_;
};

}  // namespace reverie
