#include <cmath>
#include <iostream>
#include <optional>

#include <nlohmann/json.hpp>

#include "agents/evaluation.h"
#include "agents/planning/planning_policy.h"
#include "agents/planning/simulator_model.h"
#include "agents/random/random_agent.h"
#include "agents/registry.h"
#include "agents/training/world_model_agent.h"
#include "apps/command.h"
#include "apps/json_number.h"
#include "apps/run_flags.h"
#include "core/progress.h"
#include "core/statistics.h"
#include "runs/load_policy.h"
#include "runs/world_model_run.h"
#include "worldmodel/action_code.h"

namespace reverie {
namespace {

using Json = nlohmann::ordered_json;

Json report(const std::vector<Episode>& episodes, const EnvSpec& spec, uint64_t seed) {
  const Summary returns = summarize(episode_returns(episodes), seed);
  std::vector<double> lengths;
  lengths.reserve(episodes.size());
  for (const Episode& episode : episodes) lengths.push_back(static_cast<double>(episode.length));
  Json metrics = Json::object();
  for (const auto& [name, value] : episodes.front().metrics) {
    metrics[name] = json_number(mean_of_numbers(episode_metric(episodes, name)));
  }
  Json normalized = nullptr;
  if (spec.reference) {
    normalized = 100.0 * (returns.mean - spec.reference->random) /
                 (spec.reference->expert - spec.reference->random);
  }
  return {{"return",
           {{"mean", returns.mean},
            {"std", returns.std},
            {"iqm", returns.iqm},
            {"ci95", {returns.ci95_low, returns.ci95_high}}}},
          {"length", {{"mean", mean_of_numbers(lengths)}}},
          {"success_rate", metrics.contains("success") ? metrics["success"] : Json(nullptr)},
          {"normalized_score", normalized},
          {"metrics", metrics}};
}

std::string cell(const Json& value, const char* format) {
  return value.is_null() ? "-" : fmt::format(fmt::runtime(format), value.get<double>());
}

// What was evaluated side by side, the run first.
struct ReportColumn {
  std::string name;
  Json report;
};

void print_table(const std::vector<ReportColumn>& columns) {
  const auto row = [&](std::string_view name, const auto& text) {
    std::cout << fmt::format("  {:<24}", name);
    for (const ReportColumn& column : columns) std::cout << fmt::format(" {:>22}", text(column));
    std::cout << "\n";
  };
  const auto number = [&](std::string_view name, const char* key, const char* format) {
    row(name, [&](const ReportColumn& column) { return cell(column.report[key], format); });
  };
  const auto of_return = [&](std::string_view name, const char* key) {
    row(name,
        [&](const ReportColumn& column) { return cell(column.report["return"][key], "{:.2f}"); });
  };
  row("", [](const ReportColumn& column) { return column.name; });
  of_return("return, mean", "mean");
  row("  95 % interval", [](const ReportColumn& column) {
    const Json& interval = column.report["return"]["ci95"];
    return fmt::format("{:.2f} .. {:.2f}", interval[0].get<double>(), interval[1].get<double>());
  });
  of_return("  inter-quartile mean", "iqm");
  of_return("  standard deviation", "std");
  number("success rate", "success_rate", "{:.3f}");
  number("normalised score", "normalized_score", "{:.1f}");
  row("episode length [steps]",
      [](const ReportColumn& column) { return cell(column.report["length"]["mean"], "{:.1f}"); });
  for (const auto& [name, value] : columns.front().report["metrics"].items()) {
    if (name == "success") continue;
    row(name, [&, &key = name](const ReportColumn& column) {
      return cell(column.report["metrics"][key], "{:.3f}");
    });
  }
}

// Planning on the true simulator in the place of the run's model: fewer candidates than the model
// gets, since each is simulated, but smooth ones, of which fewer are needed.
struct SimulatorPlanner {
  explicit SimulatorPlanner(const LoadedPolicy& loaded)
      : model(make_without_pictures(loaded), world_model_agent(loaded).model().actions().block(),
              static_cast<int>(loaded.config->threads)),
        planning(options(world_model_agent(loaded).planning())) {}

  static PlanningOptions options(PlanningOptions options) {
    options.planner.planner = "icem";
    options.planner.samples = 64;
    options.planner.iterations = 8;
    options.planner.elites = 8;
    options.planner.kept_elites = std::min<int64_t>(options.planner.kept_elites, 8);
    return options;
  }

  std::unique_ptr<Actor> actor(uint64_t seed) {
    return std::make_unique<PlanningPolicy>(model, PlanningTask{.goals = &model}, planning, seed);
  }

  SimulatorModel model;
  PlanningOptions planning;
};

}  // namespace

int evaluate_command(const Arguments& arguments) {
  std::string run;
  LoadOptions options;
  int64_t episodes = 100;
  int64_t seed = 0;
  bool json = false;
  CommandLine line("evaluate",
                   "Runs the latest policy of a run greedily for whole episodes, and the random\n"
                   "policy on the same starts beside it. What plans to goals is given starts and\n"
                   "goals out of episodes that it has not learnt from, and planning on the true\n"
                   "simulator is shown beside it too.");
  line.add("RUN", run,
           {.help = fmt::format("run folder, or with --env one of {}", untrained_agents()),
            .required = true});
  line.add("--episodes", episodes, {.help = "episodes to run", .range = between(1, 1e6)});
  line.add("--seed", seed, {.help = "the same seed gives the same starts", .range = at_least(0)});
  line.add("--env", options.env,
           {.help = "another environment with the same fields", .fallback = "the run's"});
  line.add("--device", options.device, {.help = "cpu or cuda", .fallback = "the run's"});
  line.add("--json", json, {.help = "one JSON object on stdout, nothing else"});
  add_goal_flags(line, options.goals);
  line.add("--no-simulator", options.goals.simulator,
           {.help = "leave out planning on the true simulator, the upper bound"});
  add_environment_flags(line, arguments);
  if (!line.parse(arguments)) return 0;

  options.adjust = adjust_by_flags(line);
  options.seed = static_cast<uint64_t>(seed);
  options.goal_count = episodes;
  LoadedPolicy loaded = load_policy(run, options);
  const int threads = static_cast<int>(loaded.config->threads);
  std::optional<SimulatorPlanner> simulator;
  if (loaded.goals && options.goals.simulator && loaded.goals->suit_simulator()) {
    simulator.emplace(loaded);
  }
  const int64_t policies = simulator ? 3 : 2;
  ProgressBar progress(policies * episodes, {.label = "evaluate"});
  std::vector<uint64_t> seeds;
  for (int64_t i = 0; loaded.goals && i < episodes; ++i) seeds.push_back(static_cast<uint64_t>(i));
  std::vector<ReportColumn> columns;
  const auto run_policy = [&](const std::string& name, const ActorMaker& actor,
                              const EnvMaker& make) {
    const int64_t done = static_cast<int64_t>(columns.size()) * episodes;
    const std::vector<Episode> played =
        evaluate(actor, make,
                 {.episodes = episodes,
                  .seed = options.seed,
                  .episode_seeds = seeds,
                  .threads = threads,
                  .on_progress = [&](int64_t n) { progress.update(done + n); }});
    columns.push_back({name, report(played, loaded.spec, options.seed)});
  };
  run_policy("policy", loaded.make_actor, loaded.make_env);
  run_policy("random", random_actors(loaded.spec), loaded.make_env);
  if (simulator) {
    run_policy(
        "simulator", [&](int64_t, uint64_t actor_seed) { return simulator->actor(actor_seed); },
        with_goals(loaded.plain_env, loaded.goals.value(), true));
  }
  progress.finish();

  if (json) {
    Json out = {{"env", loaded.spec.id},
                {"run", loaded.name},
                {"seed", seed},
                {"step", loaded.step},
                {"episodes", episodes}};
    for (const auto& [key, value] : columns.front().report.items()) out[key] = value;
    for (size_t i = 1; i < columns.size(); ++i) out[columns[i].name] = columns[i].report;
    if (loaded.goals) out["goals"] = loaded.goals->source;
    // A run folder's name need not be UTF-8.
    std::cout << out.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
    return 0;
  }
  std::cout << fmt::format("{} on {}, {} episodes, checkpoint of step {}\n\n", loaded.name,
                           loaded.spec.id, episodes, loaded.step);
  if (loaded.goals) {
    std::cout << fmt::format("goals: {}; {} steps to get there\n\n", loaded.goals->source,
                             loaded.goals->options.budget);
  }
  print_table(columns);
  return 0;
}

}  // namespace reverie
