#include "agents/agent.h"

namespace reverie {

void Policy::on_episode_start(const at::Tensor& /*env_mask*/) {}

void Agent::observe(const TensorMap& /*obs*/) {}

}  // namespace reverie
