#pragma once

#include <cstdint>
#include <memory>

#include <ATen/core/TensorBody.h>

#include "worldmodel/goodness_of_fit.h"

namespace reverie {

// Sketched isotropic Gaussian regularisation: embeddings are projected on random directions, and a
// one-dimensional test compares each projection with the standard normal distribution. A
// distribution that passes in all directions is isotropic Gaussian, so embeddings cannot collapse.
//
// Source: Balestriero & LeCun 2025, "LeJEPA".
class SigReg {
 public:
  // slices: directions per step, >= 1. Throws Error for fewer.
  SigReg(std::unique_ptr<GoodnessOfFit> test, int64_t slices);

  // The mean statistic over directions and over time steps, each of which is tested separately.
  // z: [..., N, D], N samples. The directions depend only on D, on `step`, the global training
  // step, and on the kind of device, so all processes draw the same ones. Returns a scalar.
  at::Tensor operator()(const at::Tensor& z, int64_t step, const DataParallel& parallel = {}) const;

  // The directions of a step: [D, slices] float32, Gaussian columns scaled to length 1. Different
  // kinds of devices draw different ones.
  at::Tensor directions(int64_t dimensions, int64_t step, at::Device device) const;

 private:
  std::unique_ptr<GoodnessOfFit> test_;
  int64_t slices_;
};

// From LeJEPA's lecture code: 256 slices, 17 knots on [-5, 5].
inline constexpr int64_t kLeJepaSlices = 256;
EppsPulleyOptions lejepa_epps_pulley();
SigReg make_lejepa_sigreg(int64_t slices = kLeJepaSlices, at::Device device = at::kCPU);

// LeWorldModel's: 1024 slices, 17 knots on [0, 3] that represent both halves of the axis.
inline constexpr int64_t kLeWorldModelSlices = 1024;
EppsPulleyOptions lewm_epps_pulley();
SigReg make_lewm_sigreg(int64_t slices = kLeWorldModelSlices, at::Device device = at::kCPU);

}  // namespace reverie
