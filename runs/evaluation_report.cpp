#include "runs/evaluation_report.h"

#include <cmath>

#include "agents/evaluation.h"

namespace reverie {

std::optional<double> EvaluationReport::metric(std::string_view name) const {
  for (const auto& [key, value] : metrics) {
    if (key == name && !std::isnan(value)) return value;
  }
  return std::nullopt;
}

EvaluationReport evaluation_report(const std::vector<Episode>& episodes, const EnvSpec& spec,
                                   uint64_t seed) {
  EvaluationReport report{.returns = summarize(episode_returns(episodes), seed)};
  std::vector<double> lengths;
  for (const Episode& episode : episodes) lengths.push_back(static_cast<double>(episode.length));
  report.mean_length = mean_of_numbers(lengths);
  for (const auto& [name, value] : episodes.front().metrics) {
    report.metrics.emplace_back(name, mean_of_numbers(episode_metric(episodes, name)));
  }
  if (spec.reference) {
    const auto& [random, expert] = *spec.reference;
    report.normalized_score = 100.0 * (report.returns.mean - random) / (expert - random);
  }
  return report;
}

}  // namespace reverie
