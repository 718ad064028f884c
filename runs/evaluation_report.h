#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "core/spec.h"
#include "core/statistics.h"

namespace reverie {

// What a table of results says about the episodes that one policy played.
struct EvaluationReport {
  Summary returns;           // of the episodes, with a bootstrap interval of their mean
  double mean_length = 0.0;  // [steps]
  // 100 (mean return - random) / (expert - random), as D4RL scores (Fu et al. 2020,
  // arXiv:2004.07219); empty where the environment has no reference returns.
  std::optional<double> normalized_score = {};
  // Means of what the environment measured over the episodes, in its order; NaN where no episode
  // has that number.
  Metrics metrics = {};

  // The metric of that name; empty where there is none and where it is NaN.
  std::optional<double> metric(std::string_view name) const;
  std::optional<double> success_rate() const { return metric("success"); }  // [0, 1]
};

// episodes: of the environment of that spec, >= 1. The same seed gives the same interval. Throws
// Error(kInput) as summarize() does, for no episode among others.
EvaluationReport evaluation_report(const std::vector<Episode>& episodes, const EnvSpec& spec,
                                   uint64_t seed);

}  // namespace reverie
