#include "nn/distributions.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nn/pch.h"
#include "tests/meta_device.h"
#include "tests/tensors.h"

namespace reverie {
namespace {

using test::max_difference;

// Reference values are torch.distributions' in float64 (tests/golden/on_policy.py).
class DistributionGolden : public testing::Test {
 protected:
  at::Tensor get(const std::string& name) const { return file_.tensor(name); }

  void expect_like_torch(const std::string& name, const Distribution& distribution) const {
    EXPECT_LT(max_difference(distribution.log_prob(get(name + ".x")), get(name + ".log_prob")),
              1e-12)
        << name;
    EXPECT_LT(max_difference(distribution.entropy(), get(name + ".entropy")), 1e-12) << name;
  }

  SafetensorsFile file_ = test::golden("on_policy");
};

TEST_F(DistributionGolden, DensitiesAndEntropiesAreTorchs) {
  expect_like_torch("gaussian", Gaussian(get("gaussian.mean"), get("gaussian.log_std")));
  expect_like_torch("beta", Beta(get("beta.alpha"), get("beta.beta")));
  expect_like_torch("categorical", Categorical(get("categorical.logits")));
}

at::Tensor row(std::vector<double> values) { return at::tensor(values).unsqueeze(0); }

// Closed forms, by hand.
TEST(Distributions, KnownValues) {
  const double log_two_pi = std::log(2.0 * M_PI);
  const Gaussian gaussian(row({1.0, -2.0}), at::tensor({0.0, std::log(2.0)}));
  EXPECT_NEAR(gaussian.log_prob(row({1.0, 0.0})).item<double>(),
              -0.5 * log_two_pi + (-0.5 * log_two_pi - std::log(2.0) - 0.5), 1e-6);
  EXPECT_NEAR(gaussian.entropy().item<double>(), 1.0 + log_two_pi + std::log(2.0), 1e-6);
  // Beta(2, 3): 12 x (1 - x)^2; Beta(1, 1) is uniform.
  const Beta beta(row({2.0, 1.0}), row({3.0, 1.0}));
  EXPECT_NEAR(beta.log_prob(row({0.25, 0.7})).item<double>(), std::log(12 * 0.25 * 0.75 * 0.75),
              1e-6);
  EXPECT_NEAR(beta.center()[0][0].item<double>(), 0.4, 1e-7);
  const Categorical categorical(row({std::log(0.2), std::log(0.5), std::log(0.3)}));
  EXPECT_NEAR(categorical.log_prob(at::tensor({2}, at::kLong)).item<double>(), std::log(0.3), 1e-6);
  EXPECT_EQ(categorical.center().item<int64_t>(), 1);
  EXPECT_NEAR(categorical.entropy().item<double>(),
              -(0.2 * std::log(0.2) + 0.5 * std::log(0.5) + 0.3 * std::log(0.3)), 1e-6);
}

// The mean of log p over draws is minus the entropy, and the moments are the distribution's. A
// sampler of another distribution fails both. Bounds are five standard errors.
constexpr int64_t kDraws = 40000;

void expect_draws_of(const Distribution& distribution) {
  const at::Tensor log_p = distribution.log_prob(distribution.sample(NoiseSource(at::kCPU, 3)));
  const double error = 5.0 * log_p.std().item<double>() / std::sqrt(static_cast<double>(kDraws));
  EXPECT_NEAR(log_p.mean().item<double>(), -distribution.entropy().mean().item<double>(), error);
}

TEST(Distributions, GaussianDraws) {
  const Gaussian gaussian(at::tensor({0.5F, -3.0F}).expand({kDraws, 2}), at::tensor({-1.0F, 0.7F}));
  const at::Tensor x = gaussian.sample(NoiseSource(at::kCPU, 1)).to(at::kDouble);
  EXPECT_LT(max_difference(x.mean(0), at::tensor({0.5, -3.0})), 5 * std::exp(0.7) / 200);
  EXPECT_LT(max_difference(x.std(0).log(), at::tensor({-1.0, 0.7})), 0.02);
  expect_draws_of(gaussian);
}

// The density of x = tanh(u) is that of u, times du/dx = 1 / (1 - x^2).
TEST(Distributions, TanhGaussianDrawsHaveTheDensityOfTheirChangeOfVariables) {
  const at::Tensor mean = row({0.3, -1.2}).to(at::kFloat).expand({40000, 2});
  const at::Tensor log_std = row({-0.7, 0.2}).to(at::kFloat).expand({40000, 2});
  const TanhGaussian policy(mean, log_std);
  const auto [x, log_prob] = policy.draw(NoiseSource(at::kCPU, 5));
  const at::Tensor u = at::atanh(x.to(at::kDouble));
  EXPECT_LT(max_difference(u.mean(0), row({0.3, -1.2}).squeeze(0)), 0.03);
  EXPECT_LT(max_difference(u.std(0), row({-0.7, 0.2}).squeeze(0).exp()), 0.03);
  const at::Tensor expected = Gaussian(mean.to(at::kDouble), log_std.to(at::kDouble)).log_prob(u) -
                              at::log1p(-x.to(at::kDouble).square()).sum(1);
  const at::Tensor inside = (x.abs() < 0.99).all(1);  // beyond, atanh loses float32's digits
  EXPECT_LT(max_difference(log_prob.index({inside}), expected.index({inside})), 1e-3);
  EXPECT_LT(max_difference(policy.center(), mean.tanh()), 1e-6);
  const at::Tensor given = policy.log_prob(x);
  EXPECT_LT(max_difference(given.index({inside}), log_prob.index({inside})), 1e-3);
}

TEST(Distributions, TanhGaussianDensitiesOfGivenValuesAreThoseOfPyTorch) {
  // torch.distributions.TransformedDistribution(Normal(m, exp(l)), TanhTransform()).log_prob(x)
  // in float64, summed; and its gradient of x.
  const TanhGaussian policy(row({0.3, -1.2}), row({-0.7, 0.2}));
  const at::Tensor x = row({0.6, -0.9}).requires_grad_();
  const at::Tensor log_prob = policy.log_prob(x);
  EXPECT_NEAR(log_prob.item<double>(), 0.4309093, 1e-6);
  log_prob.sum().backward();
  EXPECT_LT(max_difference(x.grad(), row({-0.6160788, -8.5132938})), 1e-5);
  const at::Tensor bound = row({1.0, -1.0}).requires_grad_();
  policy.log_prob(bound).sum().backward();
  EXPECT_TRUE(at::isfinite(policy.log_prob(bound)).all().item<bool>());
  EXPECT_TRUE(at::isfinite(bound.grad()).all().item<bool>());
}

TEST(Distributions, TanhGaussianDensitiesAreFiniteAndDrawsFollowMeanAndDeviation) {
  const at::Tensor mean = row({-60.0, 60.0}).to(at::kFloat);
  const auto far = TanhGaussian(mean, at::zeros({1, 2})).draw(NoiseSource(at::kCPU, 5));
  EXPECT_TRUE(at::isfinite(far.log_prob).all().item<bool>());
  const at::Tensor center = at::zeros({4, 2}).requires_grad_();
  const at::Tensor log_std = at::zeros({4, 2}).requires_grad_();
  const auto near = TanhGaussian(center, log_std).draw(NoiseSource(at::kCPU, 5));
  near.value.sum().backward();
  const at::Tensor slope = 1.0 - near.value.detach().square();
  EXPECT_LT(max_difference(center.grad(), slope), 1e-6);
  EXPECT_LT(max_difference(log_std.grad(), slope * at::atanh(near.value.detach())), 1e-5);
}

TEST(Distributions, BetaDraws) {
  const at::Tensor alpha = at::tensor({1.0F, 2.0F, 0.6F}), beta = at::tensor({1.0F, 5.0F, 30.0F});
  const Beta distribution(alpha.expand({kDraws, 3}), beta.expand({kDraws, 3}));
  const at::Tensor x = distribution.sample(NoiseSource(at::kCPU, 1)).to(at::kDouble);
  EXPECT_LT(max_difference(x.mean(0), alpha / (alpha + beta)), 5 * 0.29 / 200);
  const at::Tensor sum = alpha + beta;
  EXPECT_LT(max_difference(x.var(0), alpha * beta / (sum * sum * (sum + 1))), 0.002);
  EXPECT_GE(x.min().item<double>(), 0.99 * Beta::kMargin);
  expect_draws_of(Beta(at::full({kDraws, 1}, 2.0F), at::full({kDraws, 1}, 5.0F)));
}

// Gamma draws with a small shape underflow to 0, both at once.
TEST(Distributions, BetaDrawsHaveFiniteDensities) {
  const Beta distribution(at::full({2000, 1}, 1.001F), at::full({2000, 1}, 300.0F));
  const at::Tensor x = distribution.sample(NoiseSource(at::kCPU, 1));
  EXPECT_TRUE(at::isfinite(distribution.log_prob(x)).all().item<bool>());
  EXPECT_TRUE(at::isfinite(distribution.log_prob(
                               at::tensor({1e-6F, 1.0F - 1e-6F}).repeat({1000}).unsqueeze(1)))
                  .all()
                  .item<bool>());
}

TEST(Distributions, CategoricalDraws) {
  const at::Tensor p = at::tensor({0.1F, 0.6F, 0.3F});
  const Categorical categorical(p.log().expand({kDraws, 3}));
  const at::Tensor x = categorical.sample(NoiseSource(at::kCPU, 1));
  EXPECT_EQ(x.scalar_type(), at::kLong);
  EXPECT_LT(max_difference(at::bincount(x, {}, 3) / static_cast<double>(kDraws), p), 5 * 0.5 / 200);
  expect_draws_of(categorical);
}

TEST(Distributions, TheSeedDecidesTheDraws) {
  const Beta distribution(at::full({5, 2}, 2.0F), at::full({5, 2}, 3.0F));
  EXPECT_TRUE(at::equal(distribution.sample(NoiseSource(at::kCPU, 1)),
                        distribution.sample(NoiseSource(at::kCPU, 1))));
  EXPECT_FALSE(at::equal(distribution.sample(NoiseSource(at::kCPU, 1)),
                         distribution.sample(NoiseSource(at::kCPU, 2))));
}

TEST(Distributions, DensitiesReadNoValue) {
  const test::MetaDevice meta;
  const at::TensorOptions options = at::TensorOptions(at::kFloat).device(at::kMeta);
  const at::Tensor a = at::ones({4, 2}, options), x = at::ones({4, 2}, options);
  const Gaussian gaussian(a, at::ones({2}, options));
  const Beta beta(a, a);
  const Categorical categorical(a);
  for (const Distribution* distribution :
       std::initializer_list<const Distribution*>{&gaussian, &beta}) {
    EXPECT_EQ((distribution->log_prob(x) + distribution->entropy()).numel(), 4);
  }
  EXPECT_EQ(categorical.log_prob(at::ones({4}, options.dtype(at::kLong))).numel(), 4);
  EXPECT_THAT(meta.faults(), testing::IsEmpty());
}

}  // namespace
}  // namespace reverie
