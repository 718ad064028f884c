#pragma once

#include <cstdint>

#include <ATen/core/TensorBody.h>

namespace reverie {

// cos(t_k x) and sin(t_k x) for evenly spaced knots t_k = start + k step, k < knots: each follows
// from the one before by a turn about step x, so that two trigonometric functions serve all knots.
struct EvenKnots {
  double start = 0.0;
  double step = 0.0;
  int64_t knots = 0;

  double at(int64_t k) const { return start + static_cast<double>(k) * step; }
};

// Means over the samples. x: [..., N, M]. Returns [2, K, ..., M]: of the cosines, then of the
// sines. Never holds more than a few tensors of x's size.
at::Tensor mean_turns(const at::Tensor& x, const EvenKnots& knots);

// sum_k cosine_k cos(t_k x) + sine_k sin(t_k x). weights: [2, K, ..., M], of the cosines, then of
// the sines. Returns [..., N, M].
at::Tensor sum_turns(const at::Tensor& x, const EvenKnots& knots, const at::Tensor& weights);

}  // namespace reverie
