#pragma once

#include <cstdint>
#include <memory>

#include <ATen/core/TensorBody.h>

#include "worldmodel/goodness_of_fit.h"

namespace reverie {

// Sketched isotropic Gaussian regularisation: embeddings are projected on random directions, and
// each projection is held against the standard normal distribution by a one-dimensional test. What
// passes on all directions is isotropic Gaussian, so embeddings cannot collapse.
//
// Source: Balestriero & LeCun 2025, "LeJEPA".
class SigReg {
 public:
  // slices: directions a step, >= 1. Throws Error for fewer.
  SigReg(std::unique_ptr<GoodnessOfFit> test, int64_t slices);

  // Mean statistic over directions, and over time steps, of which each is tested by itself.
  // z: [..., N, D], N samples. The directions depend on D, `step`, the global training step, and
  // the kind of device alone, so that all processes draw the same. Returns a scalar.
  at::Tensor operator()(const at::Tensor& z, int64_t step, const DataParallel& parallel = {}) const;

  // The directions of a step: [D, slices] float32, columns of length 1, Gaussian before. Devices of
  // different kinds draw different ones.
  at::Tensor directions(int64_t dimensions, int64_t step, at::Device device) const;

 private:
  std::unique_ptr<GoodnessOfFit> test_;
  int64_t slices_;
};

// LeJEPA's lecture code: 256 slices, 17 knots on [-5, 5].
inline constexpr int64_t kLeJepaSlices = 256;
EppsPulleyOptions lejepa_epps_pulley();
SigReg make_lejepa_sigreg(int64_t slices = kLeJepaSlices, at::Device device = at::kCPU);

// LeWorldModel's: 1024 slices, 17 knots on [0, 3] that stand for both halves of the axis.
inline constexpr int64_t kLeWorldModelSlices = 1024;
EppsPulleyOptions lewm_epps_pulley();
SigReg make_lewm_sigreg(int64_t slices = kLeWorldModelSlices, at::Device device = at::kCPU);

}  // namespace reverie
