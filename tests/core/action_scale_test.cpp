#include "core/action_scale.h"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/errors.h"

namespace reverie {
namespace {

using test::input_error;
using testing::ElementsAre;
using testing::HasSubstr;

Field box(std::vector<float> low, std::vector<float> high, DType dtype = DType::kFloat32) {
  return {.name = "action",
          .shape = {2},
          .dtype = dtype,
          .low = std::move(low),
          .high = std::move(high)};
}

template <typename To, typename From>
std::vector<To> convert(const ActionScale& scale, const std::vector<From>& from, Field from_field,
                        Field to_field, bool to_environment) {
  std::vector<To> to(from.size());
  const auto rows = static_cast<int64_t>(from.size()) / from_field.numel();
  const ConstFieldView in{&from_field, reinterpret_cast<const std::byte*>(from.data()), rows};
  const FieldView out{&to_field, reinterpret_cast<std::byte*>(to.data()), rows};
  to_environment ? scale.to_environment(in, out) : scale.to_unit(in, out);
  return to;
}

TEST(ActionScale, MapsTheUnitRangeOntoTheBoundsAndBack) {
  const Field field = box({-2.0F, 10.0F}, {4.0F, 11.0F});
  const ActionScale scale(field);
  const Field unit = action_field(scale.unit_space());
  EXPECT_EQ(unit.shape, field.shape);
  EXPECT_THAT(unit.low, ElementsAre(-1.0F));
  EXPECT_THAT(unit.high, ElementsAre(1.0F));
  const std::vector<float> in_unit = {-1, -1, 0, 0, 1, 1, 0.5F, -0.5F};
  const std::vector<float> actions = {-2, 10, 1, 10.5F, 4, 11, 2.5F, 10.25F};
  EXPECT_EQ(convert<float>(scale, in_unit, unit, field, true), actions);
  EXPECT_EQ(convert<float>(scale, actions, field, unit, false), in_unit);
}

TEST(ActionScale, OneBoundHoldsForAllElementsAndDoublesStayDoubles) {
  const Field field = box({0.0F}, {1.0F, 3.0F}, DType::kFloat64);
  const ActionScale scale(field);
  const Field unit = action_field(scale.unit_space());
  EXPECT_EQ(unit.dtype, DType::kFloat32);
  EXPECT_THAT(convert<double>(scale, std::vector<float>{1, 1, -1, -1}, unit, field, true),
              ElementsAre(1.0, 3.0, 0.0, 0.0));
  // In double precision an action survives the conversion and its inverse.
  Field exact = unit;
  exact.dtype = DType::kFloat64;
  const std::vector<double> actions = {0.1, 0.7, 0.123456789012345, 2.9};
  const auto back = convert<double>(scale, convert<double>(scale, actions, field, exact, false),
                                    exact, field, true);
  for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(back[i], actions[i], 1e-15);
}

TEST(ActionScale, UnitBoundsPassBitEqual) {
  const Field field = box({-1.0F}, {1.0F});
  const ActionScale scale(field);
  const std::vector<float> actions = {0.1F, 0.7F, -1.0F, 1.7F};  // beyond the bounds is kept
  EXPECT_EQ(convert<float>(scale, actions, field, field, true), actions);
  EXPECT_EQ(convert<float>(scale, actions, field, field, false), actions);
}

TEST(ActionScale, BoundsAsFarAsFloatsReachStayFinite) {
  constexpr float kMax = std::numeric_limits<float>::max();
  const Field field = box({-kMax}, {kMax});
  const auto actions = convert<float>(ActionScale(field), std::vector<float>{0.0F, 0.5F},
                                      box({-1.0F}, {1.0F}), field, true);
  EXPECT_EQ(actions[0], 0.0F);
  EXPECT_NEAR(actions[1] / kMax, 0.5, 1e-6);
}

TEST(ActionScale, ChoicesStayAsTheyAre) {
  const ActionScale scale(DiscreteSpace{4});
  EXPECT_EQ(std::get<DiscreteSpace>(scale.unit_space()).n, 4);
  const Field field = action_field(scale.unit_space());
  const std::vector<int64_t> choices = {3, 0, 2};
  EXPECT_EQ(convert<int64_t>(scale, choices, field, field, true), choices);
  EXPECT_EQ(convert<int64_t>(scale, choices, field, field, false), choices);
}

TEST(ActionScale, RefusesWhatHasNoCentreAndNamesIt) {
  const auto refusal = [](const Field& field) { return input_error([&] { ActionScale{field}; }); };
  EXPECT_THAT(refusal(box({}, {})), HasSubstr("0 lower"));
  EXPECT_THAT(refusal(box({-1.0F}, {1.0F, INFINITY})), HasSubstr("action[1]"));
  EXPECT_THAT(refusal(box({NAN}, {1.0F})), HasSubstr("nan"));
  EXPECT_THAT(refusal(box({1.0F, 0.5F}, {2.0F, 0.5F})), HasSubstr("[0.5, 0.5]"));
  EXPECT_THAT(refusal(box({0.0F}, {1.0F}, DType::kUInt8)), HasSubstr("uint8"));
  const Field field = box({-1.0F}, {1.0F});
  Field three = field;
  three.shape = {3};
  EXPECT_THAT(input_error([&] {
                convert<float>(ActionScale(field), std::vector<float>(3), three, three, true);
              }),
              HasSubstr("rows of 3"));
}

}  // namespace
}  // namespace reverie
