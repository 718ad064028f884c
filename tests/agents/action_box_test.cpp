#include "agents/action_box.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agents/random/random_agent.h"
#include "nn/pch.h"
#include "tests/agents/point_env.h"
#include "tests/errors.h"
#include "tests/tensors.h"

namespace reverie {
namespace {

using test::input_error;
using test::max_difference;
using testing::HasSubstr;

EnvSpec box_spec(std::vector<float> low, std::vector<float> high) {
  return {.id = "box",
          .observation = {{.name = "observation", .shape = {1}}},
          .action = Field{
              .name = "action", .shape = {2}, .low = std::move(low), .high = std::move(high)}};
}

at::Tensor rows(std::initializer_list<float> values) {
  return at::tensor(std::vector<float>(values)).view({-1, 2});
}

TEST(ActionBox, MapsTheUnitBoxOntoTheBoundsAndBack) {
  const ActionBox box(box_spec({-2.0F, 10.0F}, {4.0F, 11.0F}), at::kCPU);
  EXPECT_EQ(box.size(), 2);
  const at::Tensor unit = rows({-1, -1, 0, 0, 1, 1, 0.5F, -0.5F});
  const at::Tensor actions = rows({-2, 10, 1, 10.5F, 4, 11, 2.5F, 10.25F});
  EXPECT_LT(max_difference(box.from_unit(unit), actions), 1e-6);
  EXPECT_LT(max_difference(box.to_unit(actions), unit), 1e-6);
}

TEST(ActionBox, OneBoundHoldsForAllElements) {
  const ActionBox box(box_spec({0.0F}, {1.0F, 3.0F}), at::kCPU);
  EXPECT_LT(max_difference(box.from_unit(rows({1, 1, -1, -1})), rows({1, 3, 0, 0})), 1e-6);
}

TEST(ActionBox, UnitBoundsPassBitEqual) {
  const ActionBox box(box_spec({-1.0F}, {1.0F}), at::kCPU);
  const at::Tensor actions = rows({0.1F, 0.7F, -1, 1});
  EXPECT_TRUE(at::equal(box.from_unit(actions), actions));
  EXPECT_TRUE(at::equal(box.to_unit(actions), actions));
}

TEST(ActionBox, BoundsAsFarAsFloatsReachStayFinite) {
  constexpr float kMax = std::numeric_limits<float>::max();
  const ActionBox box(box_spec({-kMax}, {kMax}), at::kCPU);
  EXPECT_LT(max_difference(box.from_unit(rows({0, 0.5F})), rows({0, 0.5F * kMax})), 1e33);
}

TEST(ActionBox, GivesActionsInTheDtypeOfTheirField) {
  EnvSpec spec = box_spec({-1.0F}, {3.0F});
  for (const auto& [dtype, expected] :
       {std::pair(DType::kFloat32, at::kFloat), std::pair(DType::kFloat64, at::kDouble)}) {
    std::get<Field>(spec.action).dtype = dtype;
    const at::Tensor actions = ActionBox(spec, at::kCPU).from_unit(rows({0.5F, 0.5F}));
    EXPECT_EQ(actions.scalar_type(), expected);
    EXPECT_EQ(actions.max().item<double>(), 2.0);
    Rng rng(1);
    EXPECT_EQ(uniform_actions(spec.action, 3, rng).scalar_type(), expected);
  }
}

TEST(ActionBox, RefusesShapesAndDtypesThatAreNoVector) {
  EnvSpec spec = box_spec({-1.0F}, {1.0F});
  std::get<Field>(spec.action).shape = {2, 1};
  EXPECT_THAT(input_error([&] { ActionBox(spec, at::kCPU); }), HasSubstr("box"));
  std::get<Field>(spec.action).shape = {2};
  std::get<Field>(spec.action).dtype = DType::kUInt8;
  EXPECT_THAT(input_error([&] { ActionBox(spec, at::kCPU); }), HasSubstr("real numbers"));
  EXPECT_THAT(input_error([&] { ActionBox(box_spec({NAN}, {1.0F}), at::kCPU); }), HasSubstr("nan"));
  EXPECT_THAT(input_error([&] { ActionBox(test::discrete_spec(), at::kCPU); }),
              HasSubstr("point-discrete"));
}

TEST(UniformActions, FillTheBoxAndTheChoices) {
  Rng rng(2);
  const EnvSpec spec = box_spec({-2.0F, 10.0F}, {4.0F, 11.0F});
  const at::Tensor actions = uniform_actions(spec.action, 20000, rng);
  ASSERT_EQ(actions.sizes(), (std::vector<int64_t>{20000, 2}));
  const at::Tensor unit = ActionBox(spec, at::kCPU).to_unit(actions).to(at::kDouble);
  EXPECT_LE(unit.abs().max().item<double>(), 1.0 + 1e-6);
  for (int64_t i = 0; i < 2; ++i) {
    EXPECT_NEAR(unit.select(1, i).mean().item<double>(), 0.0, 4 / std::sqrt(3 * 20000.0));
    EXPECT_NEAR(unit.select(1, i).square().mean().item<double>(), 1.0 / 3.0, 0.01);
  }
  const at::Tensor choices = uniform_actions(DiscreteSpace{4}, 4000, rng);
  ASSERT_EQ(choices.scalar_type(), at::kLong);
  for (int64_t c = 0; c < 4; ++c) {
    EXPECT_NEAR((choices == c).sum().item<double>(), 1000.0, 4 * std::sqrt(750.0)) << c;
  }
}

TEST(UniformActions, NeedBounds) {
  Rng rng(2);
  const EnvSpec spec = box_spec({}, {});
  EXPECT_THAT(input_error([&] { uniform_actions(spec.action, 2, rng); }), HasSubstr("bound"));
  const EnvSpec infinite = box_spec({-INFINITY}, {INFINITY});
  EXPECT_NE(input_error([&] { uniform_actions(infinite.action, 2, rng); }), "");
}

TEST(RandomPolicy, IsAFunctionOfItsSeed) {
  const EnvSpec spec = test::PointEnv::make_spec({});
  Rng rng(0);
  const TensorMap obs = test::random_observations(spec, 5, rng, false);
  const auto a = make_random_policy(spec, 3);
  const auto b = make_random_policy(spec, 3);
  const auto c = make_random_policy(spec, 4);
  const at::Tensor first = a->act(obs, ActMode::kEvaluate);
  EXPECT_EQ(first.sizes(), (std::vector<int64_t>{5, 2}));
  EXPECT_TRUE(at::equal(first, b->act(obs, ActMode::kEvaluate)));
  EXPECT_FALSE(at::equal(first, c->act(obs, ActMode::kEvaluate)));
  EXPECT_FALSE(at::equal(first, a->act(obs, ActMode::kEvaluate)));
}

}  // namespace
}  // namespace reverie
