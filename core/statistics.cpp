#include "core/statistics.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "core/error.h"
#include "core/random.h"

namespace reverie {
namespace {

// The second pass takes out the rounding of the first: equal values have exactly that mean.
double mean_of(std::span<const double> values) {
  const auto n = static_cast<double>(values.size());
  const double rough = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double rest = 0.0;
  for (const double value : values) rest += value - rough;
  return rough + rest / n;
}

// Widths of a histogram: below the least, values that differ by less would not fit whole numbers.
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

  // Resampled are deviations from the mean: that keeps the interval of equal values at width 0.
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
