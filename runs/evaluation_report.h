#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "core/spec.h"
#include "core/statistics.h"

namespace reverie {

// How a policy's ways compare with the shortest ones, in the episodes that reached their goal:
// means of the environment's metrics `time_to_goal`, and `optimum` or `optimum_bound`.
struct StepsToGoal {
  int64_t episodes = 0;
  double policy = 0.0;    // [steps]
  double optimum = 0.0;   // [steps] the fewest of any policy, from the same starts
  bool is_bound = false;  // no policy needs fewer, but it may be that none gets by with so few
};

// The summary of one policy's episodes for a table of results.
struct EvaluationReport {
  Summary returns;           // of the episodes, with a bootstrap interval of their mean
  double mean_length = 0.0;  // [steps]
  // 100 (mean return - random) / (expert - random), as D4RL scores (Fu et al. 2020,
  // arXiv:2004.07219); empty if the environment has no reference returns.
  std::optional<double> normalized_score = {};
  // Means of the environment's metrics over the episodes, in the environment's order; NaN if no
  // episode has the metric.
  Metrics metrics = {};
  std::optional<StepsToGoal> steps_to_goal = {};  // empty without a yardstick or a reached goal

  // The metric of that name; empty if there is none or it is NaN.
  std::optional<double> metric(std::string_view name) const;
  std::optional<double> success_rate() const { return metric("success"); }  // [0, 1]
};

// episodes: from the environment with that spec, >= 1. The same seed gives the same interval.
// Throws Error(kInput) as summarize() does, for example without episodes.
EvaluationReport evaluation_report(const std::vector<Episode>& episodes, const EnvSpec& spec,
                                   uint64_t seed);

}  // namespace reverie
