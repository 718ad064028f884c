// Formulas that users write: what they compute, and what is refused.

#include "core/formula.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/errors.h"

namespace reverie {
namespace {

using test::input_error;
using testing::AllOf;
using testing::HasSubstr;

double value(const std::string& text, double x = 0.0, double speed = 0.0) {
  Formula formula("--reward", text, {"x", "speed"});
  const double values[] = {x, speed};
  return formula(values);
}

TEST(FormulaTest, ComputesWhatItSays) {
  EXPECT_EQ(value("2 + 3 * x", 4.0), 14.0);
  EXPECT_EQ(value("x^2 - speed", 3.0, 0.5), 8.5);
  EXPECT_DOUBLE_EQ(value("exp(-(x - 2)^2)", 3.0), std::exp(-1.0));
  EXPECT_EQ(value("speed > 1 && x <= 0 ? 10 : -10", 0.0, 1.5), 10.0);
  EXPECT_EQ(value("speed > 1 && x <= 0 ? 10 : -10", 0.1, 1.5), -10.0);
  EXPECT_EQ(value("x == 2 ? 1 : 0", 2.0), 1.0);
  EXPECT_EQ(value("x != 2 ? 1 : 0", 2.0), 0.0);
  EXPECT_EQ(value("clip(x, -1, 1) + clip(speed, -1, 1)", 7.0, -0.5), 0.5);
  EXPECT_EQ(value("clip(x, -1, 1)", -7.0), -1.0);
}

TEST(FormulaTest, ReadsTheValuesOfEveryCall) {
  Formula formula("--reward", "x - 10 * speed", {"x", "speed"});
  const double first[] = {1.0, 2.0}, second[] = {3.0, 4.0};
  EXPECT_EQ(formula(first), -19.0);
  EXPECT_EQ(formula(second), -37.0);
  Formula moved = std::move(formula);
  EXPECT_EQ(moved(first), -19.0);
}

TEST(FormulaTest, LeavesResultsThatAreNotFiniteToTheCaller) {
  EXPECT_TRUE(std::isinf(value("1 / x", 0.0)));
  EXPECT_TRUE(std::isnan(value("sqrt(x)", -1.0)));
}

TEST(FormulaTest, SaysWhichNamesItUses) {
  const Formula formula("--reward", "exp(speed)", {"x", "speed"});
  EXPECT_FALSE(formula.uses(0));
  EXPECT_TRUE(formula.uses(1));
}

TEST(FormulaTest, RefusesWhatIsNotOneFormula) {
  EXPECT_THAT(input_error([] { value("sped + 1"); }),
              AllOf(HasSubstr("--reward"), HasSubstr("unknown name 'sped'"),
                    HasSubstr("did you mean 'speed'"), HasSubstr("x, speed")));
  EXPECT_THAT(input_error([] { value("x = 2"); }), HasSubstr("expected =="));
  EXPECT_THAT(input_error([] { value("x, speed"); }), HasSubstr("2 results"));
  for (const char* text : {"", "(x", "x +", "x speed", "foo(x)", "1 2"}) {
    EXPECT_THAT(input_error([&] { value(text); }), HasSubstr("--reward")) << text;
  }
}

}  // namespace
}  // namespace reverie
