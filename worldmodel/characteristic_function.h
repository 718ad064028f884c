#pragma once

#include <cstdint>

#include <ATen/core/TensorBody.h>

namespace reverie {

// The empirical characteristic function of samples x, mean exp(i t x), and its gradient, at evenly
// spaced knots t_k = start + k step, k < knots. exp(i t_k x) follows from the previous knot by a
// rotation by exp(i step x), so two evaluations of cosine and sine serve all knots.
struct EvenKnots {
  double start = 0.0;
  double step = 0.0;
  int64_t knots = 0;

  double at(int64_t k) const { return start + static_cast<double>(k) * step; }
};

// x: [..., N, M], N samples of M distributions. Returns [2, K, ..., M]: the real part, which is the
// mean of cos(t_k x), then the imaginary part, that of sin(t_k x). Never holds more than a few
// tensors of x's size.
at::Tensor characteristic_function(const at::Tensor& x, const EvenKnots& knots);

// sum_k a_k cos(t_k x) + b_k sin(t_k x), from which gradients of the above are computed. weights:
// [2, K, ..., M], a, then b. Returns [..., N, M].
at::Tensor trigonometric_sum(const at::Tensor& x, const EvenKnots& knots,
                             const at::Tensor& weights);

}  // namespace reverie
