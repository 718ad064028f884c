#pragma once

#include <cstdint>

#include <ATen/core/TensorBody.h>

#include "core/config.h"
#include "nn/adam.h"
#include "nn/noise_source.h"
#include "nn/tensor_map.h"
#include "worldmodel/vae/vae.h"

namespace reverie {

class StateList;

// How a variational autoencoder is trained. Defaults are those of World Models.
struct VaeTrainingOptions {
  double learning_rate = 1e-4;
  int64_t minibatch = 100;  // pictures

  // Flags --vae-learning-rate, --vae-minibatch.
  void describe(ConfigFields& fields);
};

// Minimises Vae::loss() by Adam.
class VaeLearner {
 public:
  // The model must outlive it. seed: of the codes' noise.
  VaeLearner(Vae& model, const VaeTrainingOptions& options, uint64_t seed);

  // One step on pictures [N, H, W, C] uint8. Returns "loss/total", "loss/reconstruction", "loss/kl"
  // and "output_std", before the step, on the model's device. Nothing waits for them. Throws
  // Error(kInput) as Vae::loss() does.
  TensorMap update(const at::Tensor& pixels);

  // The same without learning, with other noise for each `seed`.
  TensorMap validate(const at::Tensor& pixels, uint64_t seed) const;

  const VaeTrainingOptions& options() const { return options_; }

  // Lists the optimiser's moments, the number of steps and the seed.
  void state(StateList& list);

 private:
  Vae& model_;
  VaeTrainingOptions options_;
  NoiseSource noise_;
  Adam adam_;
  int64_t seed_;
  int64_t step_ = 0;
};

}  // namespace reverie
