#include "studies/extraction.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "nn/pch.h"
#include "runs/learning_curve.h"
#include "runs/load_policy.h"
#include "runs/metrics_table.h"
#include "studies/dataset_states.h"

namespace reverie {
namespace {

// What tells the ways to make a policy apart while they learn.
constexpr const char* kMetrics[] = {"policy/deviation", "policy/effective_share",
                                    "evaluation/return", "evaluation/success",
                                    "evaluation/time_to_goal"};

at::Tensor actions_at(const LoadedPolicy& loaded, const DatasetStates& sample) {
  const int64_t count = sample.action.size(0);
  const std::unique_ptr<Actor> actor = loaded.make_actor(count, 0);
  actor->on_episode_start(at::ones({count}, at::kBool));
  return actor->act(sample.obs).action;
}

double mean_norm(const at::Tensor& actions) {
  return actions.norm(2, {1}, false).mean().item<double>();
}

std::vector<Point> points_of(const at::Tensor& actions) {
  const at::Tensor numbers = actions.to(at::kDouble).contiguous();
  std::vector<Point> points;
  for (int64_t i = 0; i < numbers.size(0); ++i) {
    points.push_back({numbers[i][0].item<double>(), numbers[i][1].item<double>()});
  }
  return points;
}

Chart chart_of(const std::string& title, const at::Tensor& actions) {
  Chart chart(title, "action[0]", actions.size(1) > 1 ? "action[1]" : "");
  if (actions.size(1) == 1) {
    Histogram histogram(40);
    for (int64_t i = 0; i < actions.size(0); ++i) histogram.add(actions[i][0].item<double>());
    chart.add_histogram(histogram);
    return chart;
  }
  chart.set_x_range(-1.1, 1.1);
  chart.set_y_range(-1.1, 1.1);
  chart.add_points("", points_of(actions));
  return chart;
}

// The charts of the metrics that at least one of the runs logged.
std::vector<Chart> curves_of(const std::vector<std::string>& runs,
                             const std::vector<MetricsTable>& tables,
                             const std::vector<std::vector<size_t>>& groups) {
  std::vector<Chart> charts;
  for (const char* metric : kMetrics) {
    Chart chart(metric, "update");
    bool is_empty = true;
    for (const std::vector<size_t>& group : groups) {
      std::vector<std::vector<Point>> curves;
      for (const size_t i : group) {
        if (tables[i].has(metric)) curves.push_back(learning_curve(tables[i], metric, 1));
      }
      if (curves.size() != group.size()) continue;
      const LearningCurve curve = mean_curve(group_name(runs, group), curves);
      chart.add_line(curve.name, curve.points, curve.band);
      is_empty = false;
    }
    if (!is_empty) charts.push_back(std::move(chart));
  }
  return charts;
}

// The last value of a metric that is a number.
std::optional<double> last_value(const MetricsTable& table, const std::string& metric) {
  if (!table.has(metric)) return std::nullopt;
  const std::vector<double> values = table.column(metric);
  const auto last =
      std::find_if(values.rbegin(), values.rend(), [](double x) { return std::isfinite(x); });
  return last == values.rend() ? std::nullopt : std::optional(*last);
}

}  // namespace

std::vector<Chart> ExtractionStudy::charts() const {
  std::vector<Chart> all = {chart_of("the data's actions", data)};
  for (const ExtractedPolicy& policy : policies)
    all.push_back(chart_of(policy.name, policy.actions));
  all.insert(all.end(), curves.begin(), curves.end());
  return all;
}

ExtractionStudy study_extraction(const std::vector<std::string>& runs,
                                 const ExtractionOptions& options) {
  ExtractionStudy study;
  std::optional<DatasetStates> sample;
  EnvSpec first;  // what the first run sees
  std::vector<MetricsTable> tables;
  for (const std::string& run : runs) tables.push_back(MetricsTable::read(run));
  const std::vector<std::vector<size_t>> groups = group_by_options(runs);
  for (const std::vector<size_t>& group : groups) {
    ExtractedPolicy policy{.name = group_name(runs, group), .actions = {}, .norm = {}, .error = {}};
    std::vector<double> norms, errors;
    for (const size_t i : group) {
      const LoadedPolicy loaded = load_policy(runs[i], {});
      REVERIE_CHECK(std::holds_alternative<Field>(loaded.spec.action),
                    "{}: the actions of {} are discrete; expected continuous ones", runs[i],
                    loaded.spec.id);
      if (!sample) {
        first = loaded.spec;
        sample = draw_dataset_states(loaded, options.dataset, options.states, options.seed);
        study.dataset = sample->dataset;
        study.data = sample->action;
        study.data_norm = mean_norm(study.data);
      }
      REVERIE_CHECK(loaded.spec.id == first.id && loaded.spec.observation == first.observation,
                    "{}: sees other observations than {}, in {} and {}; the same states cannot be "
                    "shown to both",
                    runs[i], runs[groups[0][0]], loaded.spec.id, first.id);
      const at::Tensor actions = actions_at(loaded, *sample);
      norms.push_back(mean_norm(actions));
      errors.push_back(mean_norm(actions - study.data));
      if (!policy.actions.defined()) policy.actions = actions;
    }
    policy.norm = mean_interval(norms);
    policy.error = mean_interval(errors);
    for (const char* metric : kMetrics) {
      std::vector<double> values;
      for (const size_t i : group) {
        if (const auto value = last_value(tables[i], metric)) values.push_back(*value);
      }
      if (values.size() == group.size()) policy.last.emplace_back(metric, mean_interval(values));
    }
    study.policies.push_back(std::move(policy));
  }
  study.curves = curves_of(runs, tables, groups);
  return study;
}

}  // namespace reverie
