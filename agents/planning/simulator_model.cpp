#include "agents/planning/simulator_model.h"

#include "nn/pch.h"

namespace reverie {

SimulatorModel::SimulatorModel(const EnvMaker& make, int64_t block, int threads)
    : dynamics_(make, threads),
      actions_(ActionScale(dynamics_.spec().action).unit_space(), block, at::kCPU) {}

LatentState SimulatorModel::predict(const LatentState& state, const at::Tensor& action) {
  return dynamics_.predict(state, action);
}

LatentState SimulatorModel::encode(const TensorMap& obs, const at::Tensor& /*action*/) {
  return dynamics_.start(obs.at("simulator_state").select(1, -1));
}

LatentState SimulatorModel::encode_goal(const TensorMap& obs) {
  const at::Tensor& qpos = obs.at("goal_qpos");
  return {.z = qpos, .h = qpos};
}

at::Tensor SimulatorModel::distance(const LatentState& state, const LatentState& goal) const {
  return (state.h - goal.h).square().sum(-1).to(at::kFloat);
}

}  // namespace reverie
