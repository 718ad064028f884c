#include "agents/noisy_actor.h"

#include <cmath>

#include "agents/continuous_actions.h"
#include "nn/pch.h"

namespace reverie {

NoisyActor::NoisyActor(Policy policy, int64_t num_envs, const ExplorationNoise& noise,
                       uint64_t seed)
    : policy_(std::move(policy)),
      noise_(noise),
      starting_(at::ones({num_envs}, at::kBool)),
      rng_(seed) {}

Decision NoisyActor::act(const TensorMap& obs) {
  const at::Tensor action = policy_(obs);
  if (noise_.deviation == 0.0) return {action};
  return {(action + noise_.deviation * draw(action)).clamp(-1.0, 1.0)};
}

at::Tensor NoisyActor::draw(const at::Tensor& like) {
  const at::Tensor e = normal_like(like, rng_);
  const double c = noise_.correlation;
  if (c == 0.0) return e;
  if (!last_.defined()) last_ = at::zeros_like(e);
  last_ = at::where(starting_.unsqueeze(1), e, c * last_ + std::sqrt(1.0 - c * c) * e);
  starting_.zero_();
  return last_;
}

void NoisyActor::on_episode_start(const at::Tensor& env_mask) { starting_.logical_or_(env_mask); }

void NoisyActor::state(StateList& list) {
  list.add("rng", rng_);
  if (noise_.correlation == 0.0) return;
  list.add_changing("noise", last_, at::kCPU);
  list.add_changing("starting", starting_, at::kCPU);
}

}  // namespace reverie
