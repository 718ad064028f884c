#pragma once

#include <memory>
#include <string>

#include <ATen/core/TensorBody.h>

#include "core/config.h"
#include "worldmodel/goodness_of_fit.h"

namespace reverie {

// Keeps latents from collapsing to a point: a loss on their distribution alone.
class Regulariser {
 public:
  virtual ~Regulariser() = default;

  // z: [T, N, D], N samples of each of T time steps, each evaluated separately. step: the global
  // training step, which seeds the randomness. Returns a scalar.
  virtual at::Tensor operator()(const at::Tensor& z, int64_t step,
                                const DataParallel& parallel = {}) const = 0;
};

struct RegulariserOptions {
  std::string regulariser = "sigreg";
  std::string sigreg_preset = "lewm";
  std::string sigreg_test = "epps-pulley";
  int64_t slices = 0;  // 0 = the preset's

  void describe(ConfigFields& fields);
};

// "sigreg"; "vicreg": a hinge on each dimension's standard deviation and a penalty on covariances
// (Bardes et al. 2022), weighted 25 to 1 as published, for at least two samples per time step;
// "none": shows collapse. For latents on `device`. Throws Error(kInput) for unknown names, naming
// the nearest.
std::unique_ptr<Regulariser> make_regulariser(const RegulariserOptions& options,
                                              at::Device device = at::kCPU);

}  // namespace reverie
