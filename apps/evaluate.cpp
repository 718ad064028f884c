#include <iostream>
#include <optional>

#include "agents/evaluation.h"
#include "agents/planning/planning_policy.h"
#include "agents/planning/simulator_model.h"
#include "agents/random/random_agent.h"
#include "agents/registry.h"
#include "agents/training/world_model_agent.h"
#include "apps/command.h"
#include "apps/run_flags.h"
#include "core/json.h"
#include "core/progress.h"
#include "runs/evaluation_report.h"
#include "runs/load_policy.h"
#include "runs/record.h"
#include "runs/world_model_run.h"
#include "worldmodel/action_code.h"

namespace reverie {
namespace {

Json steps_json(const std::optional<StepsToGoal>& steps) {
  if (!steps) return {};
  return Json::Object{{"episodes", steps->episodes},
                      {"policy", steps->policy},
                      {"optimum", steps->optimum},
                      {"is_bound", steps->is_bound}};
}

Json report_json(const EvaluationReport& report) {
  const Summary& returns = report.returns;
  Json::Object metrics;
  for (const auto& [name, value] : report.metrics) metrics.emplace_back(name, value);
  return Json::Object{
      {"return", Json::Object{{"mean", returns.mean},
                              {"std", returns.std},
                              {"iqm", returns.iqm},
                              {"ci95", Json::List{returns.ci95_low, returns.ci95_high}}}},
      {"length", Json::Object{{"mean", report.mean_length}}},
      {"success_rate", report.success_rate()},
      {"normalized_score", report.normalized_score},
      {"steps_to_goal", steps_json(report.steps_to_goal)},
      {"metrics", std::move(metrics)}};
}

// The results to compare, the run's first.
struct ReportColumn {
  std::string name;
  EvaluationReport report;
};

void print_table(const std::vector<ReportColumn>& columns) {
  const auto row = [&](std::string_view name, const auto& text) {
    std::cout << fmt::format("  {:<24}", name);
    for (const ReportColumn& column : columns) std::cout << fmt::format(" {:>22}", text(column));
    std::cout << "\n";
  };
  const auto number = [&](std::string_view name, int digits, const auto& value_of) {
    row(name, [&](const ReportColumn& column) {
      const std::optional<double> value = value_of(column.report);
      return value ? fmt::format("{:.{}f}", *value, digits) : "-";
    });
  };
  using Report = EvaluationReport;
  row("", [](const ReportColumn& column) { return column.name; });
  number("return, mean", 2, [](const Report& report) { return report.returns.mean; });
  row("  95 % interval", [](const ReportColumn& column) {
    const Summary& returns = column.report.returns;
    return fmt::format("{:.2f} .. {:.2f}", returns.ci95_low, returns.ci95_high);
  });
  number("  inter-quartile mean", 2, [](const Report& report) { return report.returns.iqm; });
  number("  standard deviation", 2, [](const Report& report) { return report.returns.std; });
  number("success rate", 3, [](const Report& report) { return report.success_rate(); });
  number("normalised score", 1, [](const Report& report) { return report.normalized_score; });
  number("episode length [steps]", 1, [](const Report& report) { return report.mean_length; });
  if (const std::optional<StepsToGoal>& steps = columns.front().report.steps_to_goal) {
    number("steps to reached goals", 1, [](const Report& report) {
      return report.steps_to_goal ? std::optional(report.steps_to_goal->policy) : std::nullopt;
    });
    number(steps->is_bound ? "  lower bound of these" : "  optimum of these", 1,
           [](const Report& report) {
             return report.steps_to_goal ? std::optional(report.steps_to_goal->optimum)
                                         : std::nullopt;
           });
  }
  for (const auto& [name, value] : columns.front().report.metrics) {
    if (name == "success") continue;
    number(name, 3, [&key = name](const Report& report) { return report.metric(key); });
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

Json evaluation_json(const LoadedPolicy& loaded, const std::vector<ReportColumn>& columns,
                     int64_t seed, int64_t episodes) {
  Json out = Json::Object{{"env", loaded.spec.id},
                          {"run", loaded.name},
                          {"seed", seed},
                          {"step", loaded.step},
                          {"episodes", episodes}};
  const Json policy = report_json(columns.front().report);
  for (const auto& [key, value] : *policy.object()) out.set(key, value);
  for (size_t i = 1; i < columns.size(); ++i) {
    out.set(columns[i].name, report_json(columns[i].report));
  }
  if (loaded.goals) out.set("goals", loaded.goals->source);
  return out;
}

}  // namespace

int evaluate_command(const Arguments& arguments) {
  std::string run, record;
  LoadOptions options;
  int64_t episodes = 100;
  int64_t seed = 0;
  bool json = false;
  CommandLine line(
      "evaluate",
      "Runs the policy of a run greedily for whole episodes, and the random policy from\nthe same "
      "starts for comparison. A policy that plans to goals gets starts and goals\nfrom held-out "
      "episodes, and planning in the true simulator is compared as well.");
  line.add("RUN", run,
           {.help = fmt::format("run folder, or one of {} with --env", untrained_agents()),
            .required = true});
  line.add("--episodes", episodes, {.help = "episodes to run", .range = between(1, 1e6)});
  line.add("--seed", seed,
           {.help = "random seed; the same seed gives the same starts", .range = at_least(0)});
  line.add("--env", options.env,
           {.help = "another environment with the same observation and actions",
            .fallback = "the run's"});
  line.add("--device", options.device,
           {.help = "device of the networks: cpu or cuda", .fallback = "the run's"});
  line.add("--checkpoint", options.checkpoint, {.help = kCheckpointHelp});
  line.add("--json", json, {.help = "print one JSON object on stdout and nothing else"});
  line.add("--record", record,
           {.help = "folder of a study: keep the result and how it was made in FOLDER/<run>.json, "
                    "for `reverie report`"});
  add_goal_flags(line, options.goals);
  line.add("--no-simulator", options.goals.simulator,
           {.help = "leave out planning in the true simulator, the upper bound"});
  add_environment_flags(line, arguments);
  if (!line.parse(arguments)) return 0;

  REVERIE_CHECK(record.empty() || options.checkpoint == "latest",
                "--record: found --checkpoint {}, expected latest; the results of a checkpoint "
                "that was chosen by its evaluations are biased",
                options.checkpoint);
  options.adjust = adjust_by_flags(line);
  options.seed = static_cast<uint64_t>(seed);
  options.goal_count = episodes;
  LoadedPolicy loaded = load_policy(run, options);
  std::optional<Record> kept;
  if (!record.empty()) {
    kept = begin_record(loaded, run, {.episodes = episodes, .seed = seed},
                        this_launch("evaluate", arguments));
    check_place(record, *kept);
  }
  const int threads = static_cast<int>(loaded.config->threads);
  std::optional<SimulatorPlanner> simulator;
  if (loaded.goals && options.goals.simulator && loaded.goals->suit_simulator()) {
    simulator.emplace(loaded);
  }
  const int64_t policies = simulator ? 3 : 2;
  ProgressBar progress(policies * episodes, {.label = "evaluate", .unit = "episodes"});
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
    columns.push_back({name, evaluation_report(played, loaded.spec, options.seed)});
  };
  run_policy("policy", loaded.make_actor, loaded.make_env);
  run_policy("random", random_actors(loaded.spec), loaded.make_env);
  if (simulator) {
    run_policy(
        "simulator", [&](int64_t, uint64_t actor_seed) { return simulator->actor(actor_seed); },
        with_goals(loaded.plain_env, loaded.goals.value(), true));
  }
  progress.finish();

  Json out = evaluation_json(loaded, columns, seed, episodes);
  if (kept) {
    kept->evaluation = out;
    std::cerr << fmt::format("wrote {}\n", write_record(record, *kept).string());
  }
  if (json) {
    std::cout << out.dump(2) << "\n";
    return 0;
  }
  std::cout << fmt::format("{} on {}, {} episodes, checkpoint of step {}\n\n", loaded.name,
                           loaded.spec.id, episodes, loaded.step);
  if (loaded.goals) {
    std::cout << fmt::format("goals: {}; at most {} steps to reach them\n\n", loaded.goals->source,
                             loaded.goals->options.budget);
  }
  print_table(columns);
  return 0;
}

}  // namespace reverie
