#include "nn/distributions.h"

#include <cmath>
#include <numbers>

#include "nn/pch.h"

namespace reverie {
namespace {

const double kLogSqrtTwoPi = 0.5 * std::log(2.0 * std::numbers::pi);

}  // namespace

Gaussian::Gaussian(at::Tensor mean, at::Tensor log_std)
    : mean_(std::move(mean)), log_std_(log_std.expand_as(mean_)) {}

at::Tensor Gaussian::sample(const NoiseSource& noise) const {
  const at::NoGradGuard no_grad;
  return mean_ + log_std_.exp() * noise.normal(mean_.sizes());
}

at::Tensor Gaussian::center() const { return mean_; }

at::Tensor Gaussian::log_prob(const at::Tensor& x) const {
  const at::Tensor z = (x - mean_) * (-log_std_).exp();
  return (-0.5 * z.square() - log_std_ - kLogSqrtTwoPi).sum(-1);
}

at::Tensor Gaussian::entropy() const { return (log_std_ + 0.5 + kLogSqrtTwoPi).sum(-1); }

TanhGaussian::TanhGaussian(at::Tensor mean, at::Tensor log_std)
    : mean_(std::move(mean)), log_std_(std::move(log_std)) {}

TanhGaussian::Draw TanhGaussian::draw(const NoiseSource& noise) const {
  const at::Tensor z = noise.normal(mean_.sizes());
  const at::Tensor u = mean_ + log_std_.exp() * z;
  const at::Tensor log_normal = -0.5 * z.square() - log_std_ - kLogSqrtTwoPi;
  // log(1 - tanh(u)^2) without the difference, which rounds to 0 for large u.
  const at::Tensor log_slope = 2.0 * (std::numbers::ln2 - u - at::softplus(-2.0 * u));
  return {at::tanh(u), (log_normal - log_slope).sum(-1)};
}

at::Tensor TanhGaussian::log_prob(const at::Tensor& value) const {
  const at::Tensor x = value.clamp(-1.0 + kMargin, 1.0 - kMargin);
  const at::Tensor z = (at::atanh(x) - mean_) * (-log_std_).exp();
  return (-0.5 * z.square() - log_std_ - kLogSqrtTwoPi - at::log1p(-x.square())).sum(-1);
}

at::Tensor TanhGaussian::center() const { return at::tanh(mean_); }

Beta::Beta(at::Tensor alpha, at::Tensor beta) : alpha_(std::move(alpha)), beta_(std::move(beta)) {}

// For x ~ Gamma(alpha, 1) and y ~ Gamma(beta, 1), x / (x + y) is Beta(alpha, beta).
at::Tensor Beta::sample(const NoiseSource& noise) const {
  const at::NoGradGuard no_grad;
  const at::Tensor x = noise.gamma(alpha_), y = noise.gamma(beta_);
  return (x / (x + y)).clamp(kMargin, 1.0 - kMargin);
}

at::Tensor Beta::center() const { return alpha_ / (alpha_ + beta_); }

at::Tensor Beta::log_prob(const at::Tensor& x) const {
  const at::Tensor log_b = at::lgamma(alpha_) + at::lgamma(beta_) - at::lgamma(alpha_ + beta_);
  return ((alpha_ - 1.0) * x.log() + (beta_ - 1.0) * at::log1p(-x) - log_b).sum(-1);
}

at::Tensor Beta::entropy() const {
  const at::Tensor sum = alpha_ + beta_;
  const at::Tensor log_b = at::lgamma(alpha_) + at::lgamma(beta_) - at::lgamma(sum);
  return (log_b - (alpha_ - 1.0) * at::digamma(alpha_) - (beta_ - 1.0) * at::digamma(beta_) +
          (sum - 2.0) * at::digamma(sum))
      .sum(-1);
}

Categorical::Categorical(const at::Tensor& logits) : log_p_(at::log_softmax(logits, -1)) {}

// The Gumbel-max trick: -log E is a Gumbel variable for E ~ Exp(1).
at::Tensor Categorical::sample(const NoiseSource& noise) const {
  const at::NoGradGuard no_grad;
  return (log_p_ - noise.exponential(log_p_.sizes()).log()).argmax(-1);
}

at::Tensor Categorical::center() const { return log_p_.argmax(-1); }

at::Tensor Categorical::log_prob(const at::Tensor& x) const {
  return log_p_.gather(-1, x.unsqueeze(-1)).squeeze(-1);
}

at::Tensor Categorical::entropy() const { return -(log_p_.exp() * log_p_).sum(-1); }

}  // namespace reverie
