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

// sorted: n >= 1 values. rank: in [0, 1].
double percentile(std::span<const double> sorted, double rank) {
  const double position = rank * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(position);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return std::lerp(sorted[below], sorted[above], position - static_cast<double>(below));
}

}  // namespace

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
  summary.ci95_low = percentile(means, 0.025);
  summary.ci95_high = percentile(means, 0.975);
  return summary;
}

}  // namespace reverie
