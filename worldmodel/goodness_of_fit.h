#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include <ATen/core/TensorBody.h>

namespace reverie {

// Data-parallel training: processes that each hold a part of a batch, and how they combine results.
struct DataParallel {
  int64_t processes = 1;
  // All-reduce: replaces a tensor by its mean over all processes, without a gradient; empty for a
  // single process.
  std::function<void(at::Tensor&)> average = {};
};

// Measures how far samples are from the standard normal distribution, by a statistic that is small
// when they follow it and whose gradient leads there.
class GoodnessOfFit {
 public:
  virtual ~GoodnessOfFit() = default;

  // samples: [..., N, M], N of each of M one-dimensional distributions, with the same N in every
  // process. Returns [..., M], the statistic of the samples of all processes together.
  //
  // Its gradient is the gradient of the whole batch's statistic times the number of processes.
  // Averaged over processes, as gradients of losses are, it is the gradient of the whole batch's
  // statistic.
  virtual at::Tensor statistic(const at::Tensor& samples,
                               const DataParallel& parallel = {}) const = 0;
};

// Epps and Pulley (1983): the distance between the characteristic function of the samples and that
// of the normal distribution, exp(-t^2 / 2), over knots t_k,
//
//   N sum_k w_k [ (mean cos(t_k x) - exp(-t_k^2 / 2))^2 + (mean sin(t_k x))^2 ]
//
// For the gradient it stores as many numbers as there are samples, not that many for each knot.
struct EppsPulleyOptions {
  double low = 0.0, high = 3.0;  // first and last knot, evenly spaced
  int64_t knots = 17;            // >= 2
  // Weights are those of the trapezoid rule times exp(-t^2 / 2); times two if the knots also stand
  // for the negative half of the axis.
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
// Cheaper than Epps and Pulley, but blind to differences beyond the fourth moment, and with steep
// gradients far out.
std::unique_ptr<GoodnessOfFit> make_smooth_test();

}  // namespace reverie
