#include "agents/training/reward_scale.h"

#include "nn/pch.h"

namespace reverie {

RunningRewardScale::RunningRewardScale(int64_t num_envs, double gamma)
    : gamma_(gamma), sums_(at::zeros({num_envs}, at::kDouble)) {}

at::Tensor RunningRewardScale::operator()(const Rollout& rollout) {
  const at::Tensor reward = rollout.reward.to(at::kDouble);
  const at::Tensor goes_on = rollout.ended().logical_not().to(at::kDouble);
  at::Tensor sums = at::empty_like(reward);
  for (int64_t t = 0; t < rollout.steps(); ++t) {
    sums_.mul_(gamma_).add_(reward[t]);
    sums[t].copy_(sums_);
    sums_.mul_(goes_on[t]);
  }
  const auto n = static_cast<double>(sums.numel());
  const at::Tensor mean = sums.mean();
  const double delta = mean.item<double>() - mean_;
  m2_ += (sums - mean).square().sum().item<double>() + delta * delta * count_ * n / (count_ + n);
  mean_ += delta * n / (count_ + n);
  count_ += n;
  return (reward / std::sqrt(m2_ / count_ + 1e-8)).clamp(-10.0, 10.0).to(at::kFloat);
}

void RunningRewardScale::state(StateList& list) {
  list.add_learning("sums", sums_);
  list.add("count", count_);
  list.add("mean", mean_);
  list.add("m2", m2_);
}

}  // namespace reverie
