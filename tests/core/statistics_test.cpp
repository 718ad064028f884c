#include "core/statistics.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/random.h"

namespace reverie {
namespace {

constexpr std::array<double, 11> kScores = {3.5, -1.25, 0.0,   12.0,  7.75, 2.5,
                                            2.5, -8.0,  100.0, 4.125, 6.5};

// numpy 2.4.6, v = numpy.sort(scores), n = 11: v.mean(), v.std(), v[2:9].mean() and
//   rows = default_rng(2024).integers(0, n, size=(5000, n))
//   numpy.percentile(v[rows].mean(axis=1), [2.5, 97.5])
TEST(Statistics, EqualsNumpy) {
  const Summary summary = summarize(kScores, 2024);
  EXPECT_NEAR(summary.mean, 11.784090909090908, 1e-13);
  EXPECT_NEAR(summary.std, 28.326229157169205, 1e-13);
  EXPECT_NEAR(summary.iqm, 3.8392857142857144, 1e-14);
  EXPECT_NEAR(summary.ci95_low, 0.625, 1e-13);
  EXPECT_NEAR(summary.ci95_high, 30.27301136363636, 1e-13);
}

TEST(Statistics, InterquartileMeanCutsAFloorOfAQuarterFromEachEnd) {
  const auto iqm = [](std::vector<double> values) { return summarize(values, 0).iqm; };
  EXPECT_EQ(iqm({9, 1, 2}), 4);                           // nothing to cut below four
  EXPECT_EQ(iqm({1000, 2, 4, -1000}), 3);                 // one from each end
  EXPECT_EQ(iqm({1000, 1, 2, 3, 4, -1000, 5}), 3);        // 7 / 4 = 1
  EXPECT_EQ(iqm({50, 1000, 2, 3, 4, -1000, 5, 6}), 4.5);  // 2, in any order
}

TEST(Statistics, OneValueAndEqualValuesHaveNoSpread) {
  for (const size_t n : {1, 2, 7, 1000}) {
    const Summary summary = summarize(std::vector<double>(n, 0.1), 3);
    EXPECT_EQ(summary.mean, 0.1);
    EXPECT_EQ(summary.iqm, 0.1);
    EXPECT_EQ(summary.std, 0.0);
    EXPECT_EQ(summary.ci95_low, 0.1);
    EXPECT_EQ(summary.ci95_high, 0.1);
  }
}

TEST(Statistics, TheSeedDecidesTheIntervalAndTheOrderDoesNot) {
  const Summary first = summarize(kScores, 1);
  std::vector<double> reversed(kScores.rbegin(), kScores.rend());
  const Summary second = summarize(reversed, 1);
  EXPECT_EQ(second.mean, first.mean);
  EXPECT_EQ(second.ci95_low, first.ci95_low);
  EXPECT_EQ(second.ci95_high, first.ci95_high);
  EXPECT_NE(summarize(kScores, 2).ci95_high, first.ci95_high);
}

// The mean of n normal values has standard deviation 1 / sqrt(n).
TEST(Statistics, IntervalHasTheWidthOfTheNormalOne) {
  constexpr size_t kValues = 400;
  std::vector<double> values(kValues);
  Rng(5).fill_normal(values);
  const Summary summary = summarize(values, 6);
  const double half = 1.96 * summary.std / std::sqrt(static_cast<double>(kValues));
  EXPECT_NEAR(summary.ci95_high - summary.mean, half, 0.06 * half);
  EXPECT_NEAR(summary.mean - summary.ci95_low, half, 0.06 * half);
}

// 400 experiments of 30 values: NumPy's intervals hold the true mean in 94.2 % of 2000, and 400
// have a standard deviation of 1.2 %.
TEST(Statistics, IntervalHoldsTheTrueMeanAsOftenAsItSays) {
  constexpr int kExperiments = 400;
  Rng rng(11);
  int held = 0;
  for (int i = 0; i < kExperiments; ++i) {
    std::vector<double> values(30);
    for (double& value : values) value = rng.normal(7.0, 3.0);
    const Summary summary = summarize(values, static_cast<uint64_t>(i));
    held += summary.ci95_low <= 7.0 && 7.0 <= summary.ci95_high ? 1 : 0;
  }
  EXPECT_NEAR(held / static_cast<double>(kExperiments), 0.942, 0.036);
}

TEST(Statistics, RejectsWhatHasNoSummary) {
  EXPECT_THROW(summarize({}, 0), Error);
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity(), 1e308}) {
    EXPECT_THROW(summarize(std::array{1.0, bad, -2.0}, 0), Error) << bad;
  }
}

TEST(Histogram, CountsEveryValueInItsBin) {
  Rng rng(3);
  for (const double scale : {1e-9, 1.0, 1e12}) {
    std::vector<double> values(1000);
    for (double& value : values) value = scale * rng.normal(0.5, 1.0);
    Histogram histogram(40);
    for (const double value : values) histogram.add(value);
    ASSERT_LE(histogram.counts().size(), 40U);
    EXPECT_GT(histogram.counts().size(), 15U) << "bins wider than they need to be";
    for (size_t i = 0; i < histogram.counts().size(); ++i) {
      const double low = histogram.low() + static_cast<double>(i) * histogram.width();
      const auto inside = std::count_if(values.begin(), values.end(), [&](double value) {
        return value >= low && value < low + histogram.width();
      });
      EXPECT_EQ(histogram.counts()[i], inside) << scale << " " << i;
    }
  }
}

// Values of scipy 1.x: scipy.stats.t.sf, scipy.special.betainc, scipy.stats.ttest_rel.
TEST(PairedTest, IncompleteBetaHasItsKnownValues) {
  struct Case {
    double a, b, x, value;
  };
  for (const Case& c :
       {Case{0.5, 0.5, 0.3, 0.36901011956554536}, Case{2, 3, 0.4, 0.5248},
        Case{50, 0.5, 0.99, 0.3173043978741973}, Case{1e4, 2e4, 0.334, 0.5972464229533355},
        Case{3.5, 0.5, 0.001, 9.206637091605295e-12}}) {
    EXPECT_NEAR(incomplete_beta(c.a, c.b, c.x), c.value, 1e-10 * c.value) << c.a << " " << c.b;
    EXPECT_NEAR(incomplete_beta(c.b, c.a, 1.0 - c.x), 1.0 - c.value, 1e-11);
  }
  EXPECT_EQ(incomplete_beta(2, 3, 0.0), 0.0);
  EXPECT_EQ(incomplete_beta(2, 3, 1.0), 1.0);
  EXPECT_THROW(incomplete_beta(0, 1, 0.5), Error);
  EXPECT_THROW(incomplete_beta(1, 1, 1.5), Error);
  EXPECT_THROW(incomplete_beta(1, 1, NAN), Error);
}

TEST(MeanInterval, QuantilesAreTheKnownOnes) {  // scipy.stats.t.isf(p / 2, degrees)
  EXPECT_NEAR(student_t_quantile(0.05, 1), 12.706204736432095, 1e-8);
  EXPECT_NEAR(student_t_quantile(0.05, 2), 4.302652729911275, 1e-8);
  EXPECT_NEAR(student_t_quantile(0.05, 4), 2.7764451051977987, 1e-8);
  EXPECT_NEAR(student_t_quantile(0.01, 9), 3.2498355440153697, 1e-8);
  EXPECT_NEAR(student_t_quantile(0.05, 29), 2.045229642132703, 1e-8);
  EXPECT_THROW(student_t_quantile(0.0, 3), Error);
  EXPECT_THROW(student_t_quantile(0.5, 0), Error);
}

// 250.0, 247.0, 253.6: mean 250.2, standard deviation 3.3045 (ddof = 1), 4.3027 * 3.3045 / sqrt(3).
TEST(MeanInterval, IsStudentsOverTheSeeds) {
  const std::vector<double> values = {250.0, 247.0, 253.6};
  const MeanInterval interval = mean_interval(values);
  EXPECT_EQ(interval.count, 3);
  EXPECT_NEAR(interval.mean, 250.2, 1e-12);
  EXPECT_NEAR(interval.half_width, 8.2089, 1e-4);
  EXPECT_TRUE(std::isnan(mean_interval(std::vector<double>{1.0}).half_width));
  EXPECT_THROW(mean_interval({}), Error);
  EXPECT_THROW(mean_interval(std::vector<double>{1.0, NAN}), Error);
}

TEST(PairedTest, StudentsTailsAreTheKnownOnes) {
  struct Case {
    double t, degrees, p;
  };
  for (const Case& c :
       {Case{2.0, 10, 0.07338803477074037}, Case{0.5, 1, 0.7048327646991335},
        Case{12.706, 1, 0.05000080235813319}, Case{5.0, 49, 7.736116446289065e-06},
        Case{-3.25, 9, 0.009997369084021572}, Case{1e-3, 3, 0.9992648949694609},
        Case{40.0, 199, 4.3394585669291187e-97}, Case{1.96, 1e6, 0.04999606758526985}}) {
    EXPECT_NEAR(student_t_p_value(c.t, c.degrees), c.p, 1e-9 * c.p) << c.t << " " << c.degrees;
  }
  EXPECT_EQ(student_t_p_value(0.0, 5), 1.0);
  EXPECT_EQ(student_t_p_value(INFINITY, 5), 0.0);
  EXPECT_THROW(student_t_p_value(1.0, 0), Error);
  EXPECT_THROW(student_t_p_value(NAN, 3), Error);
}

TEST(PairedTest, IsSciPys) {
  const std::vector<double> a{5.1, 4.9, 6.2, 5.8, 7.0, 5.5}, b{4.8, 5.0, 5.5, 5.1, 6.1, 5.4};
  const PairedTest test = paired_t_test(a, b);
  EXPECT_NEAR(test.mean_difference, 0.4333333333333334, 1e-14);
  EXPECT_NEAR(test.t, 2.698978095246549, 1e-12);
  EXPECT_NEAR(test.p, 0.042836341507146894, 1e-12);
  EXPECT_NEAR(test.effect_size, 1.101853193383817, 1e-12);
  const PairedTest turned = paired_t_test(b, a);
  EXPECT_EQ(turned.t, -test.t);
  EXPECT_EQ(turned.p, test.p);
}

TEST(PairedTest, EqualDifferencesAreNotDividedByZero) {
  const std::vector<double> a{1, 2, 3}, b{2, 3, 4};
  const PairedTest same = paired_t_test(a, a);
  EXPECT_EQ(same.t, 0.0);
  EXPECT_EQ(same.p, 1.0);
  const PairedTest shifted = paired_t_test(b, a);
  EXPECT_EQ(shifted.mean_difference, 1.0);
  EXPECT_TRUE(std::isinf(shifted.t));
  EXPECT_EQ(shifted.p, 0.0);
  const std::vector<double> one{1.0}, bad{1, NAN, 2};
  EXPECT_THROW(paired_t_test(one, one), Error);
  EXPECT_THROW(paired_t_test(a, one), Error);
  EXPECT_THROW(paired_t_test(a, bad), Error);
}

TEST(Histogram, DoesNotDependOnTheOrder) {
  std::vector<double> values{-1.0, 1.0, 0.25, -0.999, 0.0, 0.5, 3.0, -7.5, 0.1};
  Histogram forward(16), backward(16);
  for (const double value : values) forward.add(value);
  std::reverse(values.begin(), values.end());
  for (const double value : values) backward.add(value);
  EXPECT_EQ(forward.counts(), backward.counts());
  EXPECT_EQ(forward.low(), backward.low());
  EXPECT_EQ(forward.width(), backward.width());
}

TEST(Histogram, WholeNumbersHaveBinsOfTheirOwn) {
  Histogram histogram(10, true);
  for (const double value : {4.0, 0.0, 4.0, 1.0}) histogram.add(value);
  EXPECT_EQ(histogram.width(), 1.0);
  EXPECT_EQ(histogram.low(), 0.0);
  EXPECT_EQ(histogram.counts(), (std::vector<int64_t>{1, 1, 0, 0, 2}));
}

TEST(Histogram, LeavesOutWhatIsNotFinite) {
  Histogram histogram(10);
  for (const double value : {double{NAN}, double{INFINITY}, double{-INFINITY}})
    histogram.add(value);
  EXPECT_TRUE(histogram.counts().empty());
  histogram.add(1e300);
  histogram.add(-1e-300);
  EXPECT_LE(histogram.counts().size(), 10U);
  EXPECT_EQ(histogram.counts().front() + histogram.counts().back(), 2);
}

}  // namespace
}  // namespace reverie
