#include "envs/factors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/errors.h"

namespace reverie {
namespace {

enum : size_t { kFriction, kFloorColor, kStart, kTexture };

std::vector<Factor> some_factors() {
  return {Factor::number("friction", "sliding friction", 0.4, 0.1, 2.0, true),
          Factor::color("floor_color", "the floor", {10, 20, 30}),
          Factor::point("start", "where an episode begins [m]", {-1, -2}, {3, 4}),
          Factor::choice("texture", "of the floor", {"plain", "checker", "stripes"})};
}

FactorValues values_of(const FactorOptions& options) {
  return FactorValues(std::make_shared<const FactorPlan>("toy", some_factors(), options));
}

TEST(Factors, DefaultsHoldWhateverTheSeed) {
  FactorValues values = values_of({});
  values.draw(5);
  EXPECT_EQ(values.number(kFriction), 0.4);
  EXPECT_EQ(values.color(kFloorColor), (Color{10, 20, 30}));
  EXPECT_EQ(values.choice(kTexture), 0U);
  for (size_t i = 0; i < 4; ++i) EXPECT_FALSE(values.chosen(i));
  EXPECT_FALSE(values.plan().changes_dynamics());
}

TEST(Factors, SetFixesValuesOfEveryKind) {
  FactorValues values = values_of(
      {.vary = {},
       .set = {"friction=0.6", "floor_color=#ff8001", "start=1.5/-2", "texture=stripes"}});
  values.draw(5);
  EXPECT_EQ(values.number(kFriction), 0.6);
  EXPECT_EQ(values.color(kFloorColor), (Color{255, 128, 1}));
  EXPECT_EQ(values.point(kStart), (Point{1.5, -2.0}));
  EXPECT_EQ(values.choice(kTexture), 2U);
  EXPECT_TRUE(values.chosen(kStart));
  EXPECT_FALSE(values.varied(kStart));
  EXPECT_TRUE(values.plan().changes_dynamics());
  EXPECT_EQ(values_of({.vary = {}, .set = {"floor_color=1/2/3"}}).color(kFloorColor),
            (Color{1, 2, 3}));
}

TEST(Factors, VariedOnesFollowTheSeedAndFillTheirRange) {
  FactorValues values = values_of({.vary = {"friction", "texture"}, .set = {}});
  double low = 1e9;
  double high = -1e9;
  std::array<int, 3> seen{};
  for (uint64_t seed = 0; seed < 300; ++seed) {
    values.draw(seed);
    const double friction = values.number(kFriction);
    low = std::min(low, friction);
    high = std::max(high, friction);
    ++seen.at(values.choice(kTexture));
    values.draw(seed + 1);
    values.draw(seed);
    EXPECT_EQ(values.number(kFriction), friction);
    EXPECT_EQ(values.color(kFloorColor), (Color{10, 20, 30}));
  }
  EXPECT_GE(low, 0.1);
  EXPECT_LE(high, 2.0);
  EXPECT_LT(low, 0.15);
  EXPECT_GT(high, 1.95);
  for (const int count : seen) EXPECT_GT(count, 60);
}

TEST(Factors, VaryingOneMoreLeavesTheOthersDrawsAlone) {
  FactorValues one = values_of({.vary = {"friction"}, .set = {}});
  FactorValues all = values_of({.vary = {"all"}, .set = {"texture=checker"}});
  one.draw(77);
  all.draw(77);
  EXPECT_EQ(one.number(kFriction), all.number(kFriction));
  EXPECT_FALSE(all.varied(kTexture)) << "`all` leaves set factors alone";
  for (uint64_t seed = 0; seed < 20; ++seed) {
    all.draw(seed);
    EXPECT_EQ(all.choice(kTexture), 1U) << seed;
  }
  EXPECT_TRUE(all.varied(kStart));
}

TEST(Factors, AreDrawnIndependently) {
  FactorValues values = values_of({.vary = {"friction", "start", "texture"}, .set = {}});
  constexpr int kDraws = 400;
  double apart = 0.0;  // of two uniform numbers: 1/3 on average
  int both = 0;
  for (uint64_t seed = 0; seed < kDraws; ++seed) {
    values.draw(seed);
    const double friction = (values.number(kFriction) - 0.1) / 1.9;
    apart += std::abs(friction - (values.point(kStart).x + 1.0) / 4.0) / kDraws;
    both += friction < 1.0 / 3.0 && values.choice(kTexture) == 0 ? 1 : 0;  // of nine
  }
  EXPECT_NEAR(apart, 1.0 / 3.0, 0.05);
  EXPECT_NEAR(both, kDraws / 9.0, 20.0);
}

TEST(Factors, StateRoundTripsAndRefusesNonsense) {
  FactorValues values = values_of({.vary = {"all"}, .set = {}});
  values.draw(3);
  const std::vector<double> saved(values.all().begin(), values.all().end());
  values.draw(4);
  EXPECT_NE(std::vector<double>(values.all().begin(), values.all().end()), saved);
  values.set_all(saved);
  EXPECT_EQ(std::vector<double>(values.all().begin(), values.all().end()), saved);
  for (size_t i = 0; i < saved.size(); ++i) {
    for (const double bad : {std::nan(""), 1e6}) {
      std::vector<double> broken = saved;
      broken[i] = bad;
      EXPECT_THROW(values.set_all(broken), Error) << i;
    }
  }
  EXPECT_THROW(values.set_all({}), Error);
  EXPECT_EQ(std::vector<double>(values.all().begin(), values.all().end()), saved);
}

TEST(Factors, BadRequestsNameFactorAndForm) {
  const auto message = [](const FactorOptions& options) {
    return test::input_error([&] { values_of(options); });
  };
  using testing::HasSubstr;
  EXPECT_THAT(message({.vary = {"frictoin"}, .set = {}}), HasSubstr("did you mean 'friction'"));
  EXPECT_THAT(message({.vary = {}, .set = {"friction"}}), HasSubstr("NAME=VALUE"));
  EXPECT_THAT(message({.vary = {}, .set = {"friction=3"}}), HasSubstr("[0.1, 2]"));
  EXPECT_THAT(message({.vary = {}, .set = {"friction=nan"}}), HasSubstr("a number in"));
  EXPECT_THAT(message({.vary = {}, .set = {"floor_color=#ff88"}}), HasSubstr("a colour"));
  EXPECT_THAT(message({.vary = {}, .set = {"floor_color=#-1ff00"}}), HasSubstr("a colour"));
  EXPECT_THAT(message({.vary = {}, .set = {"floor_color=1/2/256"}}), HasSubstr("a colour"));
  EXPECT_THAT(message({.vary = {}, .set = {"start=1"}}), HasSubstr("x/y"));
  EXPECT_THAT(message({.vary = {}, .set = {"start=9/0"}}), HasSubstr("x/y"));
  EXPECT_THAT(message({.vary = {}, .set = {"texture=dots"}}), HasSubstr("plain, checker"));
  EXPECT_THAT(message({.vary = {"friction"}, .set = {"friction=1"}}), HasSubstr("both"));
}

}  // namespace
}  // namespace reverie
