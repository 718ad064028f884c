#include "agents/noisy_actor.h"

#include "agents/continuous_actions.h"
#include "nn/pch.h"

namespace reverie {

NoisyActor::NoisyActor(Policy policy, double noise, uint64_t seed)
    : policy_(std::move(policy)), noise_(noise), rng_(seed) {}

Decision NoisyActor::act(const TensorMap& obs) {
  const at::Tensor action = policy_(obs);
  if (noise_ == 0.0) return {action};
  return {(action + noise_ * normal_like(action, rng_)).clamp(-1.0, 1.0)};
}

void NoisyActor::state(StateList& list) { list.add("rng", rng_); }

}  // namespace reverie
