#pragma once

#include <cstdint>

#include <ATen/core/TensorBody.h>

#include "nn/noise_source.h"

namespace reverie {

// Distributions that a policy samples from. Letters: B rows, A independent numbers per row, C
// choices. Parameters are tensors with or without gradient, on any device; no value is read back
// from it.
class Distribution {
 public:
  virtual ~Distribution() = default;

  // One sample per row, without gradient: [B, A] float32, or [B] int64.
  virtual at::Tensor sample(const NoiseSource& noise) const = 0;

  // The action without noise: the mean, or the most likely choice. Shapes as in sample().
  virtual at::Tensor center() const = 0;

  // [B]: log density (or log probability) of x, shaped as in sample(), summed over the A numbers.
  virtual at::Tensor log_prob(const at::Tensor& x) const = 0;

  // [B]: entropy in nats, summed over the A numbers.
  virtual at::Tensor entropy() const = 0;
};

// A numbers N(mean, exp(log_std)^2).
class Gaussian final : public Distribution {
 public:
  // mean: [B, A]; log_std: [A] or [B, A].
  Gaussian(at::Tensor mean, at::Tensor log_std);

  at::Tensor sample(const NoiseSource& noise) const override;
  at::Tensor center() const override;
  at::Tensor log_prob(const at::Tensor& x) const override;
  at::Tensor entropy() const override;

 private:
  at::Tensor mean_, log_std_;
};

// A numbers tanh(u) in (-1, 1), u ~ N(mean, exp(log_std)^2), whose draws have gradients: an action
// moves with mean and deviation (Kingma & Welling 2014, section 2.4).
class TanhGaussian {
 public:
  TanhGaussian(at::Tensor mean, at::Tensor log_std);  // [B, A] each

  // value: [B, A]; log_prob: [B], log density of the value,
  //   log N(u) - sum over the A numbers of log(1 - tanh(u)^2)
  // (Haarnoja et al. 2018, arXiv:1812.05905, equation 26). Finite for every u.
  struct Draw {
    at::Tensor value, log_prob;
  };
  Draw draw(const NoiseSource& noise) const;

  // log density of values [B, A] in [-1, 1], [B], with the gradient of the values. Those beyond
  // 1 - kMargin count as if they were at that distance from 0, so the density at a bound is finite.
  at::Tensor log_prob(const at::Tensor& value) const;
  static constexpr double kMargin = 1e-6;

  // tanh(mean): [B, A].
  at::Tensor center() const;

 private:
  at::Tensor mean_, log_std_;
};

// A numbers in (0, 1) of density  x^(alpha-1) (1-x)^(beta-1) / B(alpha, beta).
class Beta final : public Distribution {
 public:
  // Samples keep this distance from 0 and 1, where the density may vanish or be infinite.
  static constexpr double kMargin = 1e-6;

  // [B, A] each, above 0.
  Beta(at::Tensor alpha, at::Tensor beta);

  at::Tensor sample(const NoiseSource& noise) const override;
  at::Tensor center() const override;
  at::Tensor log_prob(const at::Tensor& x) const override;
  at::Tensor entropy() const override;

 private:
  at::Tensor alpha_, beta_;
};

// One of the choices 0 .. C-1 with probabilities softmax(logits).
class Categorical final : public Distribution {
 public:
  explicit Categorical(const at::Tensor& logits);  // [B, C]

  at::Tensor sample(const NoiseSource& noise) const override;
  at::Tensor center() const override;
  at::Tensor log_prob(const at::Tensor& x) const override;
  at::Tensor entropy() const override;

 private:
  at::Tensor log_p_;
};

}  // namespace reverie
