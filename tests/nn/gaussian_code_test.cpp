#include "nn/gaussian_code.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nn/adam.h"
#include "nn/distributions.h"
#include "nn/pch.h"
#include "tests/errors.h"
#include "tests/tensors.h"

namespace reverie {
namespace {

using test::input_error;
using test::max_difference;

GaussianCode code() {
  return {at::tensor({0.0F, 0.0F, 1.5F, -0.5F}).view({2, 2}),
          at::tensor({0.0F, 0.0F, std::log(0.25F), std::log(4.0F)}).view({2, 2})};
}

TEST(GaussianCode, KlHasItsClosedForm) {
  const at::Tensor kl = code().kl();
  EXPECT_EQ(kl[0].item<double>(), 0.0);  // the prior itself
  const double first = 0.5 * (1.5 * 1.5 + 0.25 - std::log(0.25) - 1.0);
  const double second = 0.5 * (0.5 * 0.5 + 4.0 - std::log(4.0) - 1.0);
  EXPECT_NEAR(kl[1].item<double>(), first + second, 1e-6);
}

TEST(GaussianCode, KlIsTheMeanOverDraws) {
  constexpr int64_t kMany = 200000;
  const NoiseSource noise(at::kCPU, 3);
  const GaussianCode one{code().mean[1].expand({kMany, 2}),
                         code().log_variance[1].expand({kMany, 2})};
  const at::Tensor z = one.draw(noise);
  const at::Tensor log_ratio = Gaussian(one.mean, 0.5 * one.log_variance).log_prob(z) -
                               Gaussian(at::zeros_like(z), at::zeros({2})).log_prob(z);
  // Standard error of the mean: about 0.006.
  EXPECT_NEAR(log_ratio.mean().item<double>(), code().kl()[1].item<double>(), 0.025);
  EXPECT_GT(log_ratio.std().item<double>(), 0.5);
}

TEST(GaussianCode, DrawsMoveWithMeanAndVariance) {
  const NoiseSource noise(at::kCPU, 4), same(at::kCPU, 4);
  GaussianCode moving = code();
  moving.mean.requires_grad_();
  moving.log_variance.requires_grad_();
  const at::Tensor z = moving.draw(noise);
  const at::Tensor e = same.normal({2, 2});
  const at::Tensor std = at::exp(0.5 * code().log_variance);
  EXPECT_LT(max_difference(z, code().mean + std * e), 1e-6);
  z.sum().backward();
  EXPECT_LT(max_difference(moving.mean.grad(), at::ones({2, 2})), 1e-6);
  EXPECT_LT(max_difference(moving.log_variance.grad(), 0.5 * std * e), 1e-6);
}

TEST(KlPenalty, WhatIsFreeHasNoGradient) {
  at::Tensor kl = at::tensor({0.5F, 3.0F, 5.0F}).requires_grad_();
  const at::Tensor penalty = kl_penalty(kl, 2.0, 2.0);
  EXPECT_NEAR(penalty.item<double>(), 2.0 * (2.0 + 3.0 + 5.0) / 3.0, 1e-6);
  penalty.backward();
  EXPECT_LT(max_difference(kl.grad(), at::tensor({0.0F, 2.0F / 3.0F, 2.0F / 3.0F})), 1e-6);
  EXPECT_NEAR(kl_penalty(kl, 0.5).item<double>(), 0.5 * 8.5 / 3.0, 1e-6);
}

// A number x ~ N(0, v) told through a code of one number, at the squared error / (2 s^2): rate and
// distortion are known (Lucas et al. 2019, arXiv:1911.02469, for beta = 1, which scales s^2). The
// code's noise has the variance beta s^2 / v, and its information is log(v / (beta s^2)) / 2; where
// that is below 0 the code says nothing.
TEST(InformationBottleneck, FindsTheKnownRateOfANormalNumber) {
  constexpr double kVariance = 4.0, kNoise = 0.5;  // v, s^2
  for (const double beta : {0.5, 2.0, 20.0}) {
    SCOPED_TRACE(beta);
    Shapes shapes;
    GaussianLayer::declare(shapes, "code", 1, 1);
    Linear::declare(shapes, "head", 1, 1);
    Parameters parameters(shapes, at::kCPU);
    Rng rng(5);
    reset_parameters(parameters, rng);
    const GaussianLayer bottleneck(parameters, "code");
    const Linear head(parameters, "head");
    Adam adam(parameters, {.learning_rate = 0.02});
    const NoiseSource noise(at::kCPU, 6);
    GaussianCode code;
    for (int i = 0; i < 800; ++i) {
      if (i == 500) adam.set_learning_rate(0.002);
      const at::Tensor x = std::sqrt(kVariance) * noise.normal({1000, 1});
      code = bottleneck(x);
      const at::Tensor error = (head(code.draw(noise)) - x).square().sum(1) / (2.0 * kNoise);
      minimize(error.mean() + kl_penalty(code.kl(), beta), {&adam});
    }
    const double told = kVariance / (beta * kNoise);
    const double rate = told > 1.0 ? 0.5 * std::log(told) : 0.0;
    EXPECT_NEAR(code.kl().mean().item<double>(), rate, 0.06);
    EXPECT_NEAR(code.log_variance.exp().mean().item<double>(), std::min(1.0 / told, 1.0), 0.03);
  }
}

TEST(GaussianLayer, RefusesSizesBelowOne) {
  Shapes shapes;
  EXPECT_THAT(input_error([&] { GaussianLayer::declare(shapes, "code", 4, 0); }),
              testing::HasSubstr("code of 0 numbers from 4"));
  EXPECT_THAT(input_error([&] { GaussianLayer::declare(shapes, "code", 0, 2); }),
              testing::HasSubstr("code of 2 numbers from 0"));
}

}  // namespace
}  // namespace reverie
