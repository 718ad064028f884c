#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <ATen/core/TensorBody.h>

namespace reverie {

// Data to fit or score a probe. N samples, D latent numbers, K targets.
struct ProbeData {
  at::Tensor latents;  // [N, D] floating point
  at::Tensor targets;  // [N, K] floating point, in units of their own
};

// How well targets are predicted, [K] each.
struct ProbeScores {
  // Mean squared error divided by the variance of the data that the probe was fitted to: 0 is
  // perfect, 1 is the error of predicting their mean.
  std::vector<double> mse;
  // Pearson's correlation of predicted and true values, [-1, 1]; NaN if either are constant.
  std::vector<double> r;
};

// Predicts physical quantities from latents that were learnt without them. What a probe predicts on
// samples that it was not fitted to is represented in the latents (Alain & Bengio 2017,
// arXiv:1610.01644).
class Probe {
 public:
  virtual ~Probe() = default;

  // latents: [N, D]. Returns [N, K] float64 on the CPU in the targets' units; a target that was
  // constant in the fitted data is predicted as that constant.
  at::Tensor predict(const at::Tensor& latents) const;

  // Targets that were constant are scored NaN, because no probe can be scored on them. Throws
  // Error(kInput) for data of other sizes than the fitted data.
  ProbeScores score(const ProbeData& data) const;

 protected:
  // Stores the means and standard deviations of the features and targets it is fitted to.
  explicit Probe(const ProbeData& data);

  // Standardised, [N, D] float64; a number that was constant becomes 0.
  at::Tensor features(const at::Tensor& latents) const;
  at::Tensor standard_targets(const at::Tensor& targets) const;  // [N, K] float64, likewise

  // features: [N, D] float64. Returns [N, K] float64, standardised.
  virtual at::Tensor predict_standard(const at::Tensor& features) const = 0;

 private:
  at::Tensor mean_, std_;                // [D]
  at::Tensor target_mean_, target_std_;  // [K]; a standard deviation of 0: constant
};

// Ridge regression in closed form, in float64,
//
//   W = (X^T X + N ridge I)^-1 X^T Y
//
// with standardised features X and targets Y. Throws Error(kInput) for fewer than two samples,
// values that are not finite, other sizes, and ridge <= 0.
std::unique_ptr<Probe> fit_linear_probe(const ProbeData& data, double ridge = 1e-6);

// A small network, trained by Adam on standardised features and targets, in float32 on the CPU.
struct MlpProbeOptions {
  std::vector<int64_t> hidden_sizes = {128, 128};
  double learning_rate = 1e-3;
  int64_t minibatch = 256;
  int64_t epochs = 200;   // at most
  int64_t patience = 15;  // epochs without a lower validation error before it stops
};

// Keeps the weights of the epoch with the lowest error on `validation`, which should come from
// other episodes than `training`. The same seed gives the same probe on the same machine. Throws
// Error(kInput) as fit_linear_probe() does.
std::unique_ptr<Probe> fit_mlp_probe(const ProbeData& training, const ProbeData& validation,
                                     uint64_t seed, const MlpProbeOptions& options = {});

}  // namespace reverie
