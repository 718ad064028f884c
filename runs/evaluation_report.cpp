#include "runs/evaluation_report.h"

#include <cmath>

#include "agents/evaluation.h"

namespace reverie {
namespace {

std::optional<StepsToGoal> steps_to_goal(const std::vector<Episode>& episodes) {
  const std::vector<double> taken = episode_metric(episodes, "time_to_goal");
  const std::vector<double> exact = episode_metric(episodes, "optimum");
  const std::vector<double> bound = episode_metric(episodes, "optimum_bound");
  StepsToGoal sum;
  for (size_t i = 0; i < episodes.size(); ++i) {
    const double optimum = std::isnan(exact[i]) ? bound[i] : exact[i];
    if (std::isnan(taken[i]) || std::isnan(optimum)) continue;
    ++sum.episodes;
    sum.policy += taken[i];
    sum.optimum += optimum;
    sum.is_bound = sum.is_bound || std::isnan(exact[i]);
  }
  if (sum.episodes == 0) return std::nullopt;
  sum.policy /= static_cast<double>(sum.episodes);
  sum.optimum /= static_cast<double>(sum.episodes);
  return sum;
}

}  // namespace

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
  report.steps_to_goal = steps_to_goal(episodes);
  if (spec.reference) {
    const auto& [random, expert] = *spec.reference;
    report.normalized_score = 100.0 * (report.returns.mean - random) / (expert - random);
  }
  return report;
}

}  // namespace reverie
