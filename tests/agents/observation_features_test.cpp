#include "agents/observation_features.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nn/pch.h"
#include "tests/agents/point_env.h"
#include "tests/errors.h"
#include "tests/tensors.h"

namespace reverie {
namespace {

using testing::HasSubstr;

EnvSpec mixed_spec() {
  return {.id = "mixed",
          .observation = {{.name = "matrix", .shape = {2, 2}, .dtype = DType::kFloat64},
                          {.name = "pixels", .shape = {4, 4, 3}, .dtype = DType::kUInt8},
                          {.name = "height", .shape = {}, .dtype = DType::kFloat32}},
          .action = DiscreteSpace{2}};
}

TEST(ObservationFeatures, JoinsEveryFloatingFieldFlatInTheOrderOfTheSpec) {
  const ObservationFeatures features(mixed_spec(), false, at::kCPU);
  EXPECT_EQ(features.size(), 5);
  // Fields are looked up by name, because the map may have another order.
  const TensorMap obs{{"height", at::tensor({0.5F, 0.25F})},
                      {"pixels", at::zeros({2, 4, 4, 3}, at::kByte)},
                      {"matrix", at::arange(8, at::kDouble).view({2, 2, 2})}};
  const at::Tensor expected =
      at::tensor({0., 1., 2., 3., 0.5, 4., 5., 6., 7., 0.25}).to(at::kFloat).view({2, 5});
  EXPECT_TRUE(at::equal(features(obs), expected));
}

TEST(ObservationFeatures, ASingleScalarFieldIsOneFeature) {
  EnvSpec spec = mixed_spec();
  spec.observation = {spec.observation[2]};
  const ObservationFeatures features(spec, false, at::kCPU);
  EXPECT_TRUE(at::equal(features({{"height", at::tensor({1.0F, 2.0F, 3.0F})}}),
                        at::tensor({1.0F, 2.0F, 3.0F}).view({3, 1})));
}

TEST(ObservationFeatures, StatisticsGrowOnlyThroughObserveAndAreSaved) {
  Rng rng(4);
  ObservationFeatures features(mixed_spec(), true, at::kCPU);
  const TensorMap obs = test::random_observations(mixed_spec(), 200, rng, false);
  const at::Tensor raw = features(obs);
  EXPECT_TRUE(at::equal(features(obs), raw)) << "reading changes nothing";
  features.observe(obs);
  const at::Tensor standard = features(obs);
  EXPECT_LT(standard.mean(0).abs().max().item<double>(), 1e-5);
  EXPECT_LT((standard.square().mean(0) - 1.0).abs().max().item<double>(), 1e-4);
  ObservationFeatures other(mixed_spec(), true, at::kCPU);
  load_state(other, take_checkpoint(features));
  EXPECT_TRUE(at::equal(other(obs), standard));
}

TEST(ObservationFeatures, WithoutNormalizationNothingIsKept) {
  Rng rng(4);
  ObservationFeatures features(mixed_spec(), false, at::kCPU);
  const TensorMap obs = test::random_observations(mixed_spec(), 10, rng, false);
  const at::Tensor raw = features(obs);
  features.observe(obs);
  EXPECT_TRUE(at::equal(features(obs), raw));
  EXPECT_TRUE(tensors_of(features).empty());
}

TEST(ObservationFeatures, NeedsAFloatingField) {
  EnvSpec spec = mixed_spec();
  spec.observation = {spec.observation[1]};
  EXPECT_THAT(test::input_error([&] { ObservationFeatures(spec, false, at::kCPU); }),
              HasSubstr("mixed"));
}

}  // namespace
}  // namespace reverie
