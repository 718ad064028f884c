#include "core/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "core/error.h"
#include "core/random.h"

namespace reverie {
namespace {

// The second pass removes the rounding error of the first: equal values have exactly that mean.
double mean_of(std::span<const double> values) {
  const auto n = static_cast<double>(values.size());
  const double rough = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double rest = 0.0;
  for (const double value : values) rest += value - rough;
  return rough + rest / n;
}

// Limits of a histogram: with narrower bins, the bin numbers of large values would not be exact.
constexpr double kLeastWidth = 0x1p-40;
constexpr double kGreatestBin = 0x1p52;

int64_t floor_half(int64_t bin) { return bin >= 0 ? bin / 2 : -((1 - bin) / 2); }

}  // namespace

double quantile(std::span<const double> sorted, double rank) {
  const double position = rank * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(position);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return std::lerp(sorted[below], sorted[above], position - static_cast<double>(below));
}

Summary summarize(std::span<const double> values, uint64_t seed) {
  REVERIE_CHECK(!values.empty(), "summarize: there are no values, at least one is needed");
  for (size_t i = 0; i < values.size(); ++i) {
    REVERIE_CHECK(std::isfinite(values[i]), "summarize: value {} is {}, not a finite number", i,
                  values[i]);
  }
  const size_t n = values.size();
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());

  Summary summary;
  summary.mean = mean_of(sorted);
  summary.iqm = mean_of(std::span(sorted).subspan(n / 4, n - 2 * (n / 4)));

  // Deviations from the mean are resampled, which keeps the interval of equal values at width 0.
  std::vector<double> deviations(n);
  double squares = 0.0;
  for (size_t i = 0; i < n; ++i) {
    deviations[i] = sorted[i] - summary.mean;
    squares += deviations[i] * deviations[i];
  }
  summary.std = std::sqrt(squares / static_cast<double>(n));
  REVERIE_CHECK(std::isfinite(summary.std),
                "summarize: values from {} to {} are too large, their squares overflow",
                sorted.front(), sorted.back());

  Rng rng(seed);
  std::vector<int64_t> picks(n);
  std::vector<double> means(kBootstrapResamples);
  for (double& mean : means) {
    rng.fill_integers(0, static_cast<int64_t>(n), picks);
    double sum = 0.0;
    for (const int64_t pick : picks) sum += deviations[static_cast<size_t>(pick)];
    mean = summary.mean + sum / static_cast<double>(n);
  }
  std::sort(means.begin(), means.end());
  summary.ci95_low = quantile(means, 0.025);
  summary.ci95_high = quantile(means, 0.975);
  return summary;
}

namespace {

// The continued fraction of DLMF 8.17.22, 1 + d_1 / (1 + d_2 / (1 + ...)), by Lentz's method as
// modified by Thompson & Barnett (1986). Converges fast where x < (a + 1) / (a + b + 2).
double beta_fraction(double a, double b, double x) {
  constexpr double kTiny = 1e-300;
  constexpr int kMaxTerms = 100000;  // about sqrt(max(a, b)) are needed
  double value = 1.0, c = 1.0, d = 0.0;
  for (int n = 1; n <= kMaxTerms; ++n) {
    const int half = n / 2;
    const double m = half;
    const double term = n % 2 == 0
                            ? m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m))
                            : -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
    d = 1.0 + term * d;
    c = 1.0 + term / c;
    d = 1.0 / (std::abs(d) < kTiny ? kTiny : d);
    if (std::abs(c) < kTiny) c = kTiny;
    value *= c * d;
    if (std::abs(c * d - 1.0) < 1e-15) break;
  }
  return value;
}

}  // namespace

double incomplete_beta(double a, double b, double x) {
  REVERIE_CHECK(a > 0.0 && b > 0.0 && std::isfinite(a) && std::isfinite(b) && x >= 0.0 && x <= 1.0,
                "incomplete beta function: a = {}, b = {}, x = {}, expected a, b > 0 and x in [0, "
                "1]",
                a, b, x);
  if (x == 0.0 || x == 1.0) return x;
  if (x > (a + 1.0) / (a + b + 2.0)) return 1.0 - incomplete_beta(b, a, 1.0 - x);
  const double log_front = a * std::log(x) + b * std::log1p(-x) - std::log(a) - std::lgamma(a) -
                           std::lgamma(b) + std::lgamma(a + b);
  return std::exp(log_front) / beta_fraction(a, b, x);
}

double student_t_p_value(double t, double degrees) {
  REVERIE_CHECK(degrees > 0.0 && !std::isnan(t),
                "Student's t distribution: t = {} with {} degrees of freedom, expected a number "
                "and more than 0",
                t, degrees);
  if (std::isinf(t)) return 0.0;
  return incomplete_beta(0.5 * degrees, 0.5, degrees / (degrees + t * t));
}

double student_t_quantile(double p, double degrees) {
  REVERIE_CHECK(p > 0.0 && p < 1.0, "Student's t distribution: p = {}, expected 0 < p < 1", p);
  // The tail decreases with t: bisection between two powers of two.
  double low = 0.0, high = 1.0;
  while (student_t_p_value(high, degrees) > p) {
    low = high;
    high *= 2.0;
  }
  for (int i = 0; i < 100; ++i) {
    const double middle = 0.5 * (low + high);
    (student_t_p_value(middle, degrees) > p ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

MeanInterval mean_interval(std::span<const double> values) {
  REVERIE_CHECK(!values.empty(), "no value to take the mean of");
  const auto n = static_cast<double>(values.size());
  MeanInterval out{.count = static_cast<int64_t>(values.size()),
                   .half_width = std::numeric_limits<double>::quiet_NaN()};
  for (const double value : values) {
    REVERIE_CHECK(std::isfinite(value), "a value is {}, expected finite ones", value);
    out.mean += value / n;
  }
  if (values.size() == 1) return out;
  double squares = 0.0;
  for (const double value : values) squares += (value - out.mean) * (value - out.mean);
  const double error = std::sqrt(squares / (n - 1.0) / n);
  out.half_width = student_t_quantile(0.05, n - 1.0) * error;
  return out;
}

PairedTest paired_t_test(std::span<const double> first, std::span<const double> second) {
  const size_t n = first.size();
  REVERIE_CHECK(n >= 2 && second.size() == n,
                "paired t-test: {} and {} values, expected as many of both, at least 2", n,
                second.size());
  std::vector<double> differences(n);
  for (size_t i = 0; i < n; ++i) {
    differences[i] = first[i] - second[i];
    REVERIE_CHECK(std::isfinite(differences[i]),
                  "paired t-test: values {} and {} at {}, expected "
                  "finite numbers",
                  first[i], second[i], i);
  }
  PairedTest test;
  test.mean_difference = mean_of(differences);
  double squares = 0.0;
  for (const double d : differences) {
    squares += (d - test.mean_difference) * (d - test.mean_difference);
  }
  const double std = std::sqrt(squares / static_cast<double>(n - 1));
  if (std == 0.0 && test.mean_difference == 0.0) return test;
  test.effect_size = test.mean_difference / std;
  test.t = test.effect_size * std::sqrt(static_cast<double>(n));
  test.p = student_t_p_value(test.t, static_cast<double>(n - 1));
  return test;
}

Histogram::Histogram(int64_t max_bins, bool whole)
    : max_bins_(max_bins), width_(whole ? 1.0 : kLeastWidth) {
  REVERIE_CHECK(max_bins >= 2, "histogram: at most {} bins, expected at least 2", max_bins);
}

void Histogram::widen() {
  width_ *= 2.0;
  if (counts_.empty()) return;
  const int64_t first = floor_half(first_);
  const int64_t last = floor_half(first_ + static_cast<int64_t>(counts_.size()) - 1);
  std::vector<int64_t> merged(static_cast<size_t>(last - first + 1));
  for (size_t i = 0; i < counts_.size(); ++i) {
    merged[static_cast<size_t>(floor_half(first_ + static_cast<int64_t>(i)) - first)] += counts_[i];
  }
  counts_ = std::move(merged);
  first_ = first;
}

void Histogram::add(double value) {
  if (!std::isfinite(value)) return;
  while (std::abs(value / width_) > kGreatestBin) widen();
  for (;; widen()) {
    const auto bin = static_cast<int64_t>(std::floor(value / width_));
    if (counts_.empty()) first_ = bin;
    const int64_t begin = std::min(first_, bin);
    const int64_t end = std::max(first_ + static_cast<int64_t>(counts_.size()), bin + 1);
    if (end - begin > max_bins_) continue;
    counts_.insert(counts_.begin(), static_cast<size_t>(first_ - begin), 0);
    counts_.resize(static_cast<size_t>(end - begin), 0);
    first_ = begin;
    ++counts_[static_cast<size_t>(bin - first_)];
    return;
  }
}

}  // namespace reverie
