#pragma once

#include <ATen/core/TensorBody.h>

#include "nn/noise_source.h"

namespace reverie {

// Mixtures of K Gaussians with diagonal covariance over D numbers, one mixture for each of B rows:
//
//   p(x) = sum over k of w_k product over d of N(x_d; m_kd, s_kd^2)
//
// with w = softmax(logits) and log s clipped to [-5, 2]. Source: Bishop 1994, "Mixture density
// networks".
struct GaussianMixture {
  // The numbers that a network gives for it: K + 2 K D.
  static int64_t size(int64_t mixtures, int64_t numbers) { return mixtures * (1 + 2 * numbers); }

  // Reads them from the output of a network: [B, size()].
  GaussianMixture(const at::Tensor& output, int64_t mixtures, int64_t numbers);

  at::Tensor log_prob(const at::Tensor& x) const;  // [B, D] to [B]

  // `count` draws for each row, without gradient: [B, count, D].
  at::Tensor draw(int64_t count, const NoiseSource& noise) const;

  // The draw that these random numbers stand for, without gradient: choice [B] uniform in [0, 1)
  // picks the component, normal [B, D] is standard normal. [B, D].
  at::Tensor at_noise(const at::Tensor& choice, const at::Tensor& normal) const;

  at::Tensor mean() const;  // [B, D]

  // The mixture at another temperature, above 0: logits / t, variances * t. Below 1 it is surer of
  // itself, above 1 less sure (Ha & Schmidhuber 2018, arXiv:1803.10122, section 4; their code,
  // doomrnn.py, sample_sequence()).
  GaussianMixture at_temperature(double t) const;

  at::Tensor logits;           // [B, K]
  at::Tensor means, log_stds;  // [B, K, D]

 private:
  GaussianMixture() = default;
};

}  // namespace reverie
