#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/TensorBody.h>

#include "nn/state_list.h"
#include "replay/rollout.h"

namespace reverie {

// Rewards divided by the standard deviation of the discounted sum of the rewards of an episode so
// far, so that values are of order 1 whatever the task's unit is:
//
//   G <- gamma G + r;   r / sqrt(Var[G] + 1e-8), within [-10, 10];   G <- 0 where an episode ends
//
// The variance is that of all steps so far (Chan, Golub & LeVeque 1983). Source: Gymnasium
// 1.x NormalizeReward, as CleanRL uses it; differs: the variance moves once a rollout, before its
// rewards are scaled, so that all of one rollout have one scale, and G begins anew after truncation
// too.
class RunningRewardScale {
 public:
  RunningRewardScale(int64_t num_envs, double gamma);

  // Rewards of the next rollout, on the CPU: [T, N] float32 of its own.
  at::Tensor operator()(const Rollout& rollout);

  void state(StateList& list);

 private:
  double gamma_;
  at::Tensor sums_;  // [N] float64: G
  double count_ = 0.0, mean_ = 0.0, m2_ = 0.0;
};

}  // namespace reverie
