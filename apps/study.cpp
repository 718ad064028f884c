#include <algorithm>
#include <cmath>
#include <iostream>

#include "apps/command.h"
#include "apps/run_flags.h"
#include "core/json.h"
#include "drawing/video.h"
#include "runs/run_group.h"
#include "studies/extraction.h"
#include "studies/occupancy.h"

namespace reverie {
namespace {

Json interval_json(const MeanInterval& mean) {
  return Json::Object{{"mean", mean.mean}, {"half_width", mean.half_width}};
}

// "0.412 +- 0.013"
std::string interval_text(const MeanInterval& mean) {
  if (!std::isfinite(mean.half_width)) return fmt::format("{:.3g}", mean.mean);
  return fmt::format("{:.3g} +- {:.2g}", mean.mean, mean.half_width);
}

void print_extraction_json(const ExtractionStudy& study) {
  Json::List policies;
  for (const ExtractedPolicy& policy : study.policies) {
    Json::Object last;
    for (const auto& [metric, mean] : policy.last) last.emplace_back(metric, interval_json(mean));
    policies.push_back(Json::Object{{"name", policy.name},
                                    {"runs", policy.norm.count},
                                    {"action_norm", interval_json(policy.norm)},
                                    {"distance_to_data", interval_json(policy.error)},
                                    {"last", std::move(last)}});
  }
  const Json out = Json::Object{{"dataset", study.dataset},
                                {"states", study.data.size(0)},
                                {"data_action_norm", study.data_norm},
                                {"policies", std::move(policies)}};
  std::cout << out.dump(2) << "\n";
}

void print_extraction_table(const ExtractionStudy& study) {
  std::cout << fmt::format("{} states of {}; mean length of the data's actions {:.3f}\n\n",
                           study.data.size(0), study.dataset, study.data_norm);
  const auto row = [](const std::string& name, const auto& cell, const auto& policies) {
    std::cout << fmt::format("  {:<26}", name);
    for (const ExtractedPolicy& policy : policies)
      std::cout << fmt::format(" {:>22}", cell(policy));
    std::cout << "\n";
  };
  row(
      "", [](const ExtractedPolicy& policy) { return policy.name; }, study.policies);
  row(
      "length of an action",
      [](const ExtractedPolicy& policy) { return interval_text(policy.norm); }, study.policies);
  row(
      "distance to the data's",
      [](const ExtractedPolicy& policy) { return interval_text(policy.error); }, study.policies);
  std::vector<std::string> metrics;
  for (const ExtractedPolicy& policy : study.policies) {
    for (const auto& [metric, unused] : policy.last) {
      if (std::find(metrics.begin(), metrics.end(), metric) == metrics.end()) {
        metrics.push_back(metric);
      }
    }
  }
  for (const std::string& metric : metrics) {
    row(
        metric,
        [&](const ExtractedPolicy& policy) {
          for (const auto& [name, mean] : policy.last) {
            if (name == metric) return interval_text(mean);
          }
          return std::string("-");
        },
        study.policies);
  }
}

int extraction(const Arguments& arguments) {
  std::vector<std::string> runs;
  ExtractionOptions options;
  std::string out;
  int64_t seed = 0;
  bool json = false;
  CommandLine line("study extraction",
                   "Compares what policies that learnt from one dataset do in the same of its "
                   "states: a\nscatter of the data's actions and of each policy's, and what was "
                   "logged while they learnt.\nRuns that differ in their seed alone count as one "
                   "policy.");
  line.add("RUN", runs,
           {.help = "run folders, and groups of them (train --seeds)", .required = true});
  line.add("--dataset", options.dataset,
           {.help = "whose states to use", .fallback = "that of the first run"});
  line.add("--states", options.states, {.help = "how many states", .range = between(1, 1e6)});
  line.add("--seed", seed, {.help = "of the choice of states", .range = at_least(0)});
  line.add("--out", out, {.help = "picture to write, .png"});
  line.add("--json", json, {.help = "print one JSON object on stdout and nothing else"});
  if (!line.parse(arguments)) return 0;
  if (!out.empty()) check_png_path(out);
  options.seed = static_cast<uint64_t>(seed);
  const ExtractionStudy study = study_extraction(with_groups_expanded(runs), options);
  json ? print_extraction_json(study) : print_extraction_table(study);
  if (!out.empty()) {
    const std::vector<Chart> charts = study.charts();
    write_charts(out, charts, std::min<int>(3, static_cast<int>(charts.size())), 420, 380);
    std::cerr << fmt::format("wrote {}\n", out);
  }
  return 0;
}

int occupancy(const Arguments& arguments) {
  std::string run, out;
  OccupancyOptions options;
  int64_t seed = 0;
  bool json = false;
  CommandLine line(
      "study occupancy",
      "Plays episodes of a maze, and draws beside each other how good the agent thinks "
      "each\nplace is, where the policy was, and, for agents that learn occupancies "
      "(fb, hilp, td-jepa, gamma-model), where it was\npredicted to be. Visits are discounted.");
  line.add("RUN", run,
           {.help = "run folder of an agent with values: fb, hilp, td-jepa, gamma-model, iql, td3",
            .required = true});
  line.add("--episodes", options.episodes,
           {.help = "rows of the picture", .range = between(1, 20)});
  line.add("--dataset", options.dataset,
           {.help = "whose states a prediction weights", .fallback = "the run's"});
  line.add("--states", options.states,
           {.help = "how many of these states", .range = between(1, 1e6)});
  line.add("--per-side", options.per_side,
           {.help = "squares along the side of a cell", .range = between(1, 50)});
  line.add("--seed", seed, {.help = "of episodes and states", .range = at_least(0)});
  line.add("--checkpoint", options.load.checkpoint, {.help = kCheckpointHelp});
  line.add("--out", out, {.help = "picture to write, .png"});
  line.add("--json", json, {.help = "print one JSON object on stdout and nothing else"});
  add_environment_flags(line, arguments);
  if (!line.parse(with_random_goals(arguments))) return 0;
  if (!out.empty()) check_png_path(out);
  options.load.adjust = adjust_by_flags(line);
  options.seed = static_cast<uint64_t>(seed);
  options.load.seed = options.seed;
  const OccupancyStudy study = study_occupancy(run, options);
  const bool predicts = !study.maps.front().predicted.empty();
  Json::List episodes;
  if (!json)
    std::cout << fmt::format("  {:>8} {:>8} {:>8} {:>20}\n", "episode", "success", "steps",
                             "predicted as it was");
  for (size_t i = 0; i < study.maps.size(); ++i) {
    const OccupancyMap& map = study.maps[i];
    episodes.push_back(Json::Object{{"success", map.success},
                                    {"length", map.length},
                                    {"time_to_goal", map.success ? Json(map.time_to_goal) : Json()},
                                    {"overlap", predicts ? Json(map.overlap()) : Json()}});
    if (json) continue;
    std::cout << fmt::format("  {:>8} {:>8} {:>8} {:>20}\n", i, map.success ? "yes" : "no",
                             map.length,
                             predicts ? fmt::format("{:.0f} %", 100.0 * map.overlap()) : "-");
  }
  if (json) {
    const Json report =
        Json::Object{{"run", run}, {"gamma", study.gamma}, {"episodes", std::move(episodes)}};
    std::cout << report.dump(2) << "\n";
  }
  if (!out.empty()) {
    study.draw(out);
    std::cerr << fmt::format("wrote {}\n", out);
  }
  return 0;
}

const std::vector<Command> kStudies = {
    {"extraction", "what policies that learnt from one dataset do in its states", &extraction},
    {"occupancy", "values, visits and predicted visits over a maze", &occupancy},
};

}  // namespace

int study_command(const Arguments& arguments) { return run_action("study", kStudies, arguments); }

}  // namespace reverie
