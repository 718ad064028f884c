#include "studies/probe.h"

#include <cmath>

#include <gtest/gtest.h>

#include "core/random.h"
#include "nn/device.h"
#include "nn/pch.h"
#include "tests/errors.h"
#include "tests/tensors.h"

namespace reverie {
namespace {

at::Tensor normals(int64_t rows, int64_t columns, uint64_t seed) {
  Rng rng(seed);
  at::Tensor out = at::empty({rows, columns}, at::kDouble);
  auto* values = out.mutable_data_ptr<double>();
  for (int64_t i = 0; i < out.numel(); ++i) values[i] = rng.standard_normal();
  return out;
}

// Small and fast.
MlpProbeOptions tiny_mlp(int64_t epochs) {
  set_compute_threads(1);
  return {.hidden_sizes = {64, 64}, .learning_rate = 5e-3, .epochs = epochs, .patience = epochs};
}

// Latents of different scales, and targets that `law` computes from the standard normal numbers
// behind them.
template <typename Law>
ProbeData samples(int64_t count, uint64_t seed, const Law& law) {
  const at::Tensor z = normals(count, 4, seed);
  return {z * at::tensor({1.0, 100.0, 1e-3, 5.0}, at::kDouble) + 7.0, law(z)};
}

at::Tensor linear_law(const at::Tensor& z) {
  return at::matmul(z, normals(4, 3, 99)) * 50.0 - 1000.0;
}

// Even in z: no linear map of z is correlated with it.
at::Tensor square_law(const at::Tensor& z) { return z.narrow(1, 0, 1).square(); }

TEST(Probe, LinearRecoversALinearMapInItsUnits) {
  const auto probe = fit_linear_probe(samples(500, 1, linear_law));
  const ProbeData other = samples(200, 2, linear_law);
  EXPECT_LT(test::max_difference(probe->predict(other.latents), other.targets), 1e-2);
  const ProbeScores scores = probe->score(other);
  ASSERT_EQ(scores.mse.size(), 3U);
  for (size_t k = 0; k < 3; ++k) {
    EXPECT_LT(scores.mse[k], 1e-9);
    EXPECT_NEAR(scores.r[k], 1.0, 1e-9);
  }
}

// Standardised latents have x^T x = N, so a ridge of 1 halves the slope, whatever N is.
TEST(Probe, TheRidgeCountsPerSample) {
  const auto first = [](const at::Tensor& z) { return z.narrow(1, 0, 1); };
  for (const int64_t count : {200, 5000}) {
    const ProbeData data = samples(count, 1, first);
    const at::Tensor predicted = fit_linear_probe(data, /*ridge=*/1.0)->predict(data.latents);
    const at::Tensor centred = data.targets - data.targets.mean();
    const double slope = (centred * (predicted - predicted.mean())).sum().item<double>() /
                         centred.square().sum().item<double>();
    EXPECT_NEAR(slope, 0.5, 0.01) << count;
  }
}

// Signal and noise of variance 1 each: half of the variance can be explained, r = sqrt(1/2).
TEST(Probe, LinearReachesTheFloorOfTheNoise) {
  uint64_t seed = 10;
  const auto noisy = [&](const at::Tensor& z) {
    return z.narrow(1, 1, 1) + normals(z.size(0), 1, ++seed);
  };
  const auto probe = fit_linear_probe(samples(20000, 3, noisy));
  const ProbeScores scores = probe->score(samples(20000, 4, noisy));
  EXPECT_NEAR(scores.mse[0], 0.5, 0.02);
  EXPECT_NEAR(scores.r[0], std::sqrt(0.5), 0.01);
}

TEST(Probe, WhatIsNotInTheLatentsIsNotFound) {
  uint64_t seed = 20;
  const auto noise = [&](const at::Tensor& z) { return normals(z.size(0), 1, ++seed); };
  const ProbeData training = samples(2000, 5, noise), held_out = samples(2000, 6, noise);
  for (const auto& probe : {fit_linear_probe(training),
                            fit_mlp_probe(training, samples(500, 7, noise), 0, tiny_mlp(10))}) {
    const ProbeScores scores = probe->score(held_out);
    EXPECT_NEAR(scores.mse[0], 1.0, 0.1);
    EXPECT_NEAR(scores.r[0], 0.0, 0.1);
  }
}

TEST(Probe, OnlyTheMlpFindsWhatIsNotLinear) {
  const ProbeData training = samples(2000, 8, square_law), held_out = samples(1000, 9, square_law);
  const ProbeScores linear = fit_linear_probe(training)->score(held_out);
  EXPECT_GT(linear.mse[0], 0.9);
  EXPECT_LT(std::abs(linear.r[0]), 0.1);
  const ProbeData validation = samples(500, 10, square_law);
  const auto mlp = fit_mlp_probe(training, validation, 0, tiny_mlp(60));
  const ProbeScores curved = mlp->score(held_out);
  EXPECT_LT(curved.mse[0], 0.1);
  EXPECT_GT(curved.r[0], 0.95);
  const auto again = fit_mlp_probe(training, validation, 0, tiny_mlp(60));
  EXPECT_TRUE(at::equal(mlp->predict(held_out.latents), again->predict(held_out.latents)));
}

// Sixty samples can be memorised; the validation data decide when to stop.
TEST(Probe, TheMlpStopsWhereItWouldLearnByHeart) {
  uint64_t seed = 30;
  const auto noisy = [&](const at::Tensor& z) {
    return z.narrow(1, 0, 1) + normals(z.size(0), 1, ++seed);
  };
  const ProbeData few = samples(60, 11, noisy), held_out = samples(1000, 12, noisy);
  const MlpProbeOptions patient = tiny_mlp(150);
  const double stopped =
      fit_mlp_probe(few, samples(1000, 13, noisy), 1, patient)->score(held_out).mse[0];
  const double by_heart = fit_mlp_probe(few, few, 1, patient)->score(held_out).mse[0];
  EXPECT_LT(stopped, 0.75 * by_heart);
}

// Sorted data in their order would end each epoch with the greatest targets alone.
TEST(Probe, TheMlpDrawsItsMinibatches) {
  ProbeData data = samples(2000, 17, [](const at::Tensor& z) { return z.narrow(1, 0, 1); });
  const at::Tensor order = data.targets.select(1, 0).argsort();
  data = {data.latents.index_select(0, order), data.targets.index_select(0, order)};
  MlpProbeOptions options = tiny_mlp(1);
  options.minibatch = 32;
  const at::Tensor error =
      fit_mlp_probe(data, data, 1, options)->predict(data.latents) - data.targets;
  EXPECT_LT(std::abs(error.mean().item<double>()), 0.1);
  EXPECT_LT(error.square().mean().item<double>(), 0.05);
}

TEST(Probe, TheMlpWaitsForABetterEpochAndNoLonger) {
  const ProbeData training = samples(300, 11, square_law),
                  validation = samples(200, 13, square_law);
  // Such great steps that errors rise in between.
  const auto fitted = [&](int64_t epochs, int64_t patience) {
    MlpProbeOptions options = tiny_mlp(epochs);
    options.patience = patience;
    options.learning_rate = 0.03;
    options.minibatch = 32;
    return fit_mlp_probe(training, validation, 1, options)->predict(validation.latents);
  };
  // It stops at the first epoch that is no better, and misses the better ones after it.
  EXPECT_TRUE(at::equal(fitted(200, 1), fitted(100, 1)));
  EXPECT_FALSE(at::equal(fitted(200, 1), fitted(200, 200)));
  // Better epochs begin the wait anew: it goes on beyond as many epochs as it waits for.
  EXPECT_FALSE(at::equal(fitted(200, 3), fitted(3, 3)));
}

TEST(Probe, ConstantTargetsAndLatentsAreNotDividedByZero) {
  const auto law = [](const at::Tensor& z) {
    return at::cat({z.narrow(1, 0, 1), at::full({z.size(0), 1}, 0.1, at::kDouble)}, 1);
  };
  ProbeData data = samples(300, 14, law);
  data.latents = at::cat({data.latents, at::full({300, 1}, 3.3, at::kDouble)}, 1);
  for (const auto& probe : {fit_linear_probe(data), fit_mlp_probe(data, data, 0, tiny_mlp(60))}) {
    const ProbeScores scores = probe->score(data);
    EXPECT_LT(scores.mse[0], 0.05);
    EXPECT_TRUE(std::isnan(scores.mse[1]) && std::isnan(scores.r[1]));
    const at::Tensor predicted = probe->predict(data.latents);
    EXPECT_TRUE(at::isfinite(predicted).all().item<bool>());
    EXPECT_LT((predicted.select(1, 1) - 0.1).abs().max().item<double>(), 1e-12);
  }
}

// The mean of a constant is not exactly the constant, and the remainder is no correlation.
TEST(Probe, TargetsThatAreConstantWhereTheyAreScoredHaveNoCorrelation) {
  const auto probe = fit_linear_probe(samples(300, 16, linear_law));
  ProbeData held_out = samples(777, 17, linear_law);
  held_out.targets.select(1, 1).fill_(0.1);
  const ProbeScores scores = probe->score(held_out);
  EXPECT_TRUE(std::isnan(scores.r[1]));
  EXPECT_NEAR(scores.r[0], 1.0, 1e-9);
}

TEST(Probe, RefusesWhatItCannotFit) {
  const ProbeData good = samples(10, 15, linear_law);
  const auto refusal = [](const ProbeData& data) {
    return test::input_error([&] { fit_linear_probe(data); });
  };
  EXPECT_NE(refusal({good.latents, good.targets.narrow(0, 0, 9)}).find("not [N, D]"),
            std::string::npos);
  EXPECT_NE(refusal({good.latents.narrow(0, 0, 1), good.targets.narrow(0, 0, 1)}).find("1 samples"),
            std::string::npos);
  EXPECT_NE(refusal({good.latents / 0.0, good.targets}).find("latents are not finite"),
            std::string::npos);
  EXPECT_NE(refusal({good.latents, good.targets / 0.0}).find("targets are not finite"),
            std::string::npos);
  EXPECT_NE(test::input_error([&] { fit_linear_probe(good, 0.0); }).find("ridge 0"),
            std::string::npos);
  const ProbeData narrow{good.latents.narrow(1, 0, 2), good.targets};
  EXPECT_NE(test::input_error([&] { fit_linear_probe(good)->score(narrow); }).find("2 latent"),
            std::string::npos);
  EXPECT_NE(test::input_error([&] { fit_mlp_probe(good, narrow, 0); }).find("other sizes"),
            std::string::npos);
  EXPECT_NE(test::input_error([&] { fit_mlp_probe({}, good, 0); }).find("not [N, D]"),
            std::string::npos);
  EXPECT_NE(test::input_error([&] {
              fit_mlp_probe(good, good, 0, {.minibatch = 0});
            }).find("minibatches of 0 samples"),
            std::string::npos);
}

}  // namespace
}  // namespace reverie
