#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include <ATen/core/TensorBody.h>

namespace reverie {

// Data-parallel training: processes that each hold a part of a batch, and how they see the whole.
struct DataParallel {
  int64_t processes = 1;
  // All-reduce: replaces a tensor by its mean over all processes, without a gradient; empty for one
  // process.
  std::function<void(at::Tensor&)> average = {};
};

// How far samples are from the standard normal distribution: a statistic that is small where they
// follow it, and whose gradient leads there.
class GoodnessOfFit {
 public:
  virtual ~GoodnessOfFit() = default;

  // samples: [..., N, M], N of each of M one-dimensional distributions, the same N in every
  // process. Returns [..., M], of the samples of all processes together.
  //
  // Its gradient is that of the whole batch's statistic times the number of processes: averaged
  // over processes, as gradients of losses are, it is that of the whole batch.
  virtual at::Tensor statistic(const at::Tensor& samples,
                               const DataParallel& parallel = {}) const = 0;
};

// Epps and Pulley (1983): the distance between the characteristic function of the samples and that
// of the normal distribution, exp(-t^2 / 2), over knots t_k,
//
//   N sum_k w_k [ (mean cos(t_k x) - exp(-t_k^2 / 2))^2 + (mean sin(t_k x))^2 ]
//
// Keeps as many numbers for the gradient as there are samples, not that times the knots.
struct EppsPulleyOptions {
  double low = 0.0, high = 3.0;  // first and last knot, evenly spaced
  int64_t knots = 17;            // >= 2
  // Weights are those of the trapezoid rule times exp(-t^2 / 2); times two where the knots stand
  // for the negative half of the axis too.
  double scale = 2.0;
};

// For samples on `device`. Throws Error for fewer than two knots and an empty range.
std::unique_ptr<GoodnessOfFit> make_epps_pulley(const EppsPulleyOptions& options,
                                                at::Device device = at::kCPU);

// Neyman's smooth test (1937) with the Hermite polynomials He_1 .. He_4: mean, variance, skewness
// and kurtosis,
//
//   N sum_k (mean He_k(x))^2 / k!
//
// Cheaper, blind to what shows beyond the fourth moment, and with steep gradients far out.
std::unique_ptr<GoodnessOfFit> make_smooth_test();

}  // namespace reverie
