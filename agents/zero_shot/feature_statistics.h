#pragma once

#include <cstdint>

#include <ATen/core/TensorBody.h>

#include "nn/state_list.h"

namespace reverie::zero_shot {

// Mean m and second moment C of features [B, d] of the data's states, as running averages that each
// batch moves by 0.005: features change while they are learnt.
class FeatureStatistics {
 public:
  // centers: m is kept, and C is that of f - m; else m stays 0.
  FeatureStatistics(int64_t size, bool centers, at::Device device);

  void update(const at::Tensor& f);

  at::Tensor centered(const at::Tensor& f) const { return f - mean_; }  // [B, d]

  // C^-1 f of each row, centered ones: [B, d]. It is the task whose reward is the projection of
  // "being at that state" on the features: E[f w^T f'] of the data equals w. C gets a ridge of a
  // millionth of its mean eigenvalue.
  at::Tensor whitened(const at::Tensor& f) const;

  void state(StateList& list);

 private:
  const bool centers_;
  at::Tensor mean_;    // [d]
  at::Tensor moment_;  // [d, d]
};

// w that minimises the mean of (f_i^T w - r_i)^2, with the same ridge: [1, d]. f: [n, d]; r: [n];
// 0 for n = 0.
at::Tensor regressed(const at::Tensor& f, const at::Tensor& r);

}  // namespace reverie::zero_shot
