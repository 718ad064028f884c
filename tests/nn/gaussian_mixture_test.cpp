#include "nn/gaussian_mixture.h"

#include <cmath>
#include <numbers>

#include <gtest/gtest.h>

#include "core/error.h"
#include "nn/pch.h"

namespace reverie {
namespace {

// Two Gaussians over two numbers: weights 0.25 and 0.75.
at::Tensor output() {
  return at::tensor({0.0F, std::log(3.0F), /*means*/ 1.0F, -1.0F, 0.0F, 2.0F,
                     /*log stds*/ 0.0F, std::log(0.5F), std::log(2.0F), 0.0F})
      .unsqueeze(0);
}

double normal(double x, double mean, double std) {
  const double z = (x - mean) / std;
  return std::exp(-0.5 * z * z) / (std * std::sqrt(2.0 * std::numbers::pi));
}

TEST(GaussianMixture, DensityIsTheWeightedSum) {
  const GaussianMixture mixture(output(), 2, 2);
  const double expected = 0.25 * normal(0.5, 1.0, 1.0) * normal(0.3, -1.0, 0.5) +
                          0.75 * normal(0.5, 0.0, 2.0) * normal(0.3, 2.0, 1.0);
  EXPECT_NEAR(mixture.log_prob(at::tensor({0.5F, 0.3F}).unsqueeze(0)).item<double>(),
              std::log(expected), 1e-6);
  EXPECT_EQ(GaussianMixture::size(2, 2), output().size(1));
}

TEST(GaussianMixture, DrawsHaveItsMoments) {
  const GaussianMixture mixture(output().expand({2, -1}), 2, 2);
  const NoiseSource noise(at::kCPU, 3);
  const at::Tensor x = mixture.draw(200000, noise).to(at::kDouble);
  ASSERT_EQ(x.sizes(), at::IntArrayRef({2, 200000, 2}));
  // Means 0.25 1 and 0.25 (-1) + 0.75 2; second moments from those of the parts.
  const double second = 0.25 * (1.0 + 1.0) + 0.75 * 4.0;
  for (int64_t row = 0; row < 2; ++row) {
    EXPECT_NEAR(x[row].mean(0)[0].item<double>(), 0.25, 0.02);
    EXPECT_NEAR(x[row].mean(0)[1].item<double>(), 1.25, 0.02);
    EXPECT_NEAR(x[row].square().mean(0)[0].item<double>(), second, 0.06);
  }
  EXPECT_NEAR(mixture.mean()[0][1].item<double>(), 1.25, 1e-6);
  EXPECT_GT((x[0] - x[1]).abs().mean().item<double>(), 0.1) << "rows are drawn independently";
  EXPECT_EQ(mixture.draw(1, noise).size(1), 1);
}

TEST(GaussianMixture, RandomNumbersStandForOneDraw) {
  const GaussianMixture mixture(output().expand({4, -1}), 2, 2);
  const at::Tensor x =
      mixture.at_noise(at::tensor({0.0F, 0.249F, 0.251F, 0.9999999F}),
                       at::tensor({0.0F, 0.0F, 2.0F, -1.0F, 0.0F, 0.0F, 1.0F, 1.0F}).view({4, 2}));
  const at::Tensor expected = at::tensor({1.0F, -1.0F, 3.0F, -1.5F, 0.0F, 2.0F, 2.0F, 3.0F});
  EXPECT_LT((x.flatten() - expected).abs().max().item<double>(), 1e-6);
}

TEST(GaussianMixture, DeviationsStayWithinTheirLimits) {
  at::Tensor extreme = at::zeros({1, 3});
  extreme[0][2] = -50.0;
  EXPECT_NEAR(GaussianMixture(extreme, 1, 1).log_stds.item<double>(), -5.0, 1e-6);
  extreme[0][2] = 50.0;
  EXPECT_NEAR(GaussianMixture(extreme, 1, 1).log_stds.item<double>(), 2.0, 1e-6);
}

// Weights 1/4 and 3/4 become those of their squares, 1/10 and 9/10.
TEST(GaussianMixture, ColdOnesAreSurer) {
  const GaussianMixture cold = GaussianMixture(output(), 2, 2).at_temperature(0.5);
  const at::Tensor weights = at::softmax(cold.logits, 1);
  EXPECT_NEAR(weights[0][0].item<double>(), 0.1, 1e-6);
  const at::Tensor variances = (2.0 * cold.log_stds).exp();
  EXPECT_NEAR(variances[0][0][0].item<double>(), 0.5, 1e-6);
  EXPECT_NEAR(variances[0][1][0].item<double>(), 2.0, 1e-6);
  EXPECT_NEAR(cold.mean()[0][1].item<double>(), -0.1 + 0.9 * 2.0, 1e-6);
  EXPECT_THROW(cold.at_temperature(-1.0), Error);
}

}  // namespace
}  // namespace reverie
