#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/TensorBody.h>

#include "nn/state_list.h"
#include "replay/rollout.h"

namespace reverie {

// Divides rewards by the standard deviation of the episode's discounted reward sum so far, so that
// values are of order 1 whatever the task's unit is:
//
//   G <- gamma G + r;   r / sqrt(Var[G] + 1e-8), within [-10, 10];   G <- 0 where an episode ends
//
// The variance is that of all steps so far (Chan, Golub & LeVeque 1983). Source: Gymnasium
// 1.x NormalizeReward, as CleanRL uses it; differs: the variance is updated once per rollout,
// before its rewards are scaled, so that all rewards of a rollout have one scale; G is also reset
// after truncation.
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
