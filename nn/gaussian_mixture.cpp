#include "nn/gaussian_mixture.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/error.h"
#include "nn/pch.h"

namespace reverie {

GaussianMixture::GaussianMixture(const at::Tensor& output, int64_t mixtures, int64_t numbers) {
  const int64_t rows = output.size(0);
  const auto parts = output.split_with_sizes({mixtures, mixtures * numbers, mixtures * numbers}, 1);
  logits = parts[0];
  means = parts[1].view({rows, mixtures, numbers});
  log_stds = parts[2].view({rows, mixtures, numbers}).clamp(-5.0, 2.0);
}

at::Tensor GaussianMixture::log_prob(const at::Tensor& x) const {
  const double constant =
      0.5 * std::log(2.0 * std::numbers::pi) * static_cast<double>(means.size(2));
  const at::Tensor standard = (x.unsqueeze(1) - means) * at::exp(-log_stds);
  const at::Tensor log_densities =
      -0.5 * standard.square().sum(2) - log_stds.sum(2) - constant;  // [B, K]
  return at::logsumexp(at::log_softmax(logits, 1) + log_densities, {1});
}

at::Tensor GaussianMixture::draw(int64_t count, const NoiseSource& noise) const {
  const at::NoGradGuard no_grad;
  const int64_t numbers = means.size(2);
  // choices() makes at least two.
  const at::Tensor chosen =
      noise.choices(at::softmax(logits, 1), std::max<int64_t>(count, 2)).slice(1, 0, count);
  const at::Tensor index = chosen.unsqueeze(2).expand({-1, -1, numbers});
  const at::Tensor z = noise.normal({means.size(0), count, numbers});
  return means.gather(1, index) + log_stds.gather(1, index).exp() * z;
}

at::Tensor GaussianMixture::at_noise(const at::Tensor& choice, const at::Tensor& normal) const {
  const at::NoGradGuard no_grad;
  // The number of components whose cumulated weights lie below; rounding may leave their sum below
  // 1.
  const at::Tensor below = at::softmax(logits, 1).cumsum(1) <= choice.unsqueeze(1);
  const at::Tensor index =
      below.sum(1).clamp_max(logits.size(1) - 1).view({-1, 1, 1}).expand({-1, -1, means.size(2)});
  return (means.gather(1, index) + log_stds.gather(1, index).exp() * normal.unsqueeze(1))
      .squeeze(1);
}

GaussianMixture GaussianMixture::at_temperature(double t) const {
  REVERIE_CHECK(t > 0.0 && std::isfinite(t), "mixture: a temperature of {}, expected one above 0",
                t);
  GaussianMixture out;
  out.logits = logits / t;
  out.means = means;
  out.log_stds = log_stds + 0.5 * std::log(t);
  return out;
}

at::Tensor GaussianMixture::mean() const {
  return (at::softmax(logits, 1).unsqueeze(2) * means).sum(1);
}

}  // namespace reverie
