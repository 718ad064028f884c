#include <functional>
#include <iostream>
#include <optional>
#include <utility>

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
#include "core/statistics.h"
#include "runs/evaluation_report.h"
#include "runs/load_policy.h"
#include "runs/record.h"
#include "runs/run_group.h"
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

// A row of the table: a number of a report.
struct ReportRow {
  std::string name;
  int digits = 2;  // after the point
  std::function<std::optional<double>(const EvaluationReport&)> value;
};

const char* const kReturnRow = "return, mean";

std::vector<ReportRow> rows_of(const EvaluationReport& first) {
  using Report = EvaluationReport;
  std::vector<ReportRow> rows = {
      {kReturnRow, 2, [](const Report& report) { return report.returns.mean; }},
      {"  inter-quartile mean", 2, [](const Report& report) { return report.returns.iqm; }},
      {"  standard deviation", 2, [](const Report& report) { return report.returns.std; }},
      {"success rate", 3, [](const Report& report) { return report.success_rate(); }},
      {"normalised score", 1, [](const Report& report) { return report.normalized_score; }},
      {"episode length [steps]", 1, [](const Report& report) { return report.mean_length; }}};
  if (const std::optional<StepsToGoal>& steps = first.steps_to_goal) {
    rows.push_back({"steps to reached goals", 1, [](const Report& report) {
                      return report.steps_to_goal ? std::optional(report.steps_to_goal->policy)
                                                  : std::nullopt;
                    }});
    rows.push_back({steps->is_bound ? "  lower bound of these" : "  optimum of these", 1,
                    [](const Report& report) {
                      return report.steps_to_goal ? std::optional(report.steps_to_goal->optimum)
                                                  : std::nullopt;
                    }});
  }
  for (const auto& [name, value] : first.metrics) {
    if (name == "success") continue;
    rows.push_back({name, 3, [key = name](const Report& report) { return report.metric(key); }});
  }
  return rows;
}

void print_row(std::string_view name, const std::vector<std::string>& cells) {
  std::cout << fmt::format("  {:<24}", name);
  for (const std::string& cell : cells) std::cout << fmt::format(" {:>22}", cell);
  std::cout << "\n";
}

std::string number_text(std::optional<double> value, int digits) {
  return value ? fmt::format("{:.{}f}", *value, digits) : "-";
}

void print_table(const std::vector<ReportColumn>& columns) {
  const auto print = [&](std::string_view name, const auto& text_of) {
    std::vector<std::string> cells;
    for (const ReportColumn& column : columns) cells.push_back(text_of(column));
    print_row(name, cells);
  };
  print("", [](const ReportColumn& column) { return column.name; });
  for (const ReportRow& row : rows_of(columns.front().report)) {
    print(row.name, [&](const ReportColumn& column) {
      return number_text(row.value(column.report), row.digits);
    });
    if (row.name != kReturnRow) continue;
    print("  95 % interval", [](const ReportColumn& column) {
      const Summary& returns = column.report.returns;
      return fmt::format("{:.2f} .. {:.2f}", returns.ci95_low, returns.ci95_high);
    });
  }
}

// Planning on the true simulator in the place of the run's model: fewer candidates than the model
// gets, since each is simulated, but smooth ones, of which fewer are needed.
struct SimulatorPlanner {
  explicit SimulatorPlanner(const LoadedPolicy& loaded)
      : model(make_without_pictures(loaded), world_model_of(loaded).model().actions().block(),
              static_cast<int>(loaded.config->threads)),
        planning(options(world_model_of(loaded).planning())) {}

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

struct EvaluateFlags {
  std::string run, record;
  LoadOptions options;
  int64_t episodes = 100;
  int64_t seed = 0;
  bool json = false;
};

struct Evaluation {
  LoadedPolicy loaded;
  std::vector<ReportColumn> columns;
  Json json;  // what `--json` prints
};

// Plays the episodes and, with --record, keeps the result. random: of the random policy in the same
// episodes, if it has been evaluated already.
Evaluation evaluate_run(const std::string& run, const EvaluateFlags& flags, const Launch& launch,
                        const EvaluationReport* random) {
  const LoadOptions& options = flags.options;
  const int64_t episodes = flags.episodes;
  Evaluation evaluation{.loaded = load_policy(run, options), .columns = {}, .json = {}};
  const LoadedPolicy& loaded = evaluation.loaded;
  std::vector<ReportColumn>& columns = evaluation.columns;
  std::optional<Record> kept;
  if (!flags.record.empty()) {
    kept = begin_record(
        loaded, run, {.episodes = episodes, .seed = flags.seed, .checkpoint = options.checkpoint},
        launch);
    check_place(flags.record, *kept);
  }
  const int threads = static_cast<int>(loaded.config->threads);
  std::optional<SimulatorPlanner> simulator;
  if (loaded.goals && options.goals.simulator && loaded.goals->suit_simulator()) {
    simulator.emplace(loaded);
  }
  const int64_t policies = 1 + (random == nullptr ? 1 : 0) + (simulator ? 1 : 0);
  ProgressBar progress(policies * episodes, {.label = "evaluate", .unit = "episodes"});
  std::vector<uint64_t> seeds;
  for (int64_t i = 0; loaded.goals && i < episodes; ++i) seeds.push_back(static_cast<uint64_t>(i));
  int64_t played = 0;
  const auto run_policy = [&](const std::string& name, const ActorMaker& actor,
                              const EnvMaker& make) {
    const int64_t before = std::exchange(played, played + episodes);
    const std::vector<Episode> done =
        evaluate(actor, make,
                 {.episodes = episodes,
                  .seed = options.seed,
                  .episode_seeds = seeds,
                  .threads = threads,
                  .on_progress = [&](int64_t n) { progress.update(before + n); }});
    columns.push_back({name, evaluation_report(done, loaded.spec, options.seed)});
  };
  run_policy("policy", loaded.make_actor, loaded.make_env);
  if (random == nullptr) {
    run_policy("random", random_actors(loaded.spec), loaded.make_env);
  } else {
    columns.push_back({"random", *random});
  }
  if (simulator) {
    run_policy(
        "simulator", [&](int64_t, uint64_t actor_seed) { return simulator->actor(actor_seed); },
        with_goals(loaded.plain_env, loaded.goals.value(), true));
  }
  progress.finish();

  evaluation.json = evaluation_json(loaded, columns, flags.seed, episodes);
  if (kept) {
    kept->evaluation = evaluation.json;
    std::cerr << fmt::format("wrote {}\n", write_record(flags.record, *kept).string());
  }
  return evaluation;
}

// The runs of a group, evaluated, as one result: means over the runs, and their intervals.
class GroupEvaluation {
 public:
  explicit GroupEvaluation(std::vector<Evaluation> runs) : runs_(std::move(runs)) {}

  void print() const {
    print_row("", {"mean of the runs", "95 % interval", "random"});
    for (const ReportRow& row : rows_of(report(runs_.front()))) {
      const auto mean = over_runs(row.value);
      print_row(row.name, {mean ? number_text(mean->mean, row.digits) : "-",
                           mean ? fmt::format("{} .. {}", number_text(low(*mean), row.digits),
                                              number_text(high(*mean), row.digits))
                                : "-",
                           number_text(row.value(random()), row.digits)});
    }
    std::cout << "\n";
    print_row("run", {"return, mean"});
    for (const Evaluation& run : runs_) {
      print_row(last_name(run.loaded.name), {number_text(report(run).returns.mean, 2)});
    }
  }

  // As for one run, with means over runs and their intervals; "runs" holds the runs' own.
  Json json(const std::string& group, const EvaluateFlags& flags) const {
    using Report = EvaluationReport;
    const auto value = [](std::optional<MeanInterval> mean) {
      return mean ? Json(mean->mean) : Json();
    };
    const MeanInterval returns =
        *over_runs([](const Report& report) { return report.returns.mean; });
    Json::List runs;
    for (const Evaluation& run : runs_) runs.push_back(run.json);
    Json::Object metrics;
    for (const auto& [name, unused] : random().metrics) {
      metrics.emplace_back(
          name,
          value(over_runs([key = name](const Report& report) { return report.metric(key); })));
    }
    return Json::Object{
        {"env", runs_.front().loaded.spec.id},
        {"run", group},
        {"seed", flags.seed},
        {"episodes", flags.episodes},
        {"return",
         Json::Object{{"mean", returns.mean}, {"ci95", Json::List{low(returns), high(returns)}}}},
        {"length", Json::Object{{"mean", value(over_runs([](const Report& report) {
                                   return report.mean_length;
                                 }))}}},
        {"success_rate",
         value(over_runs([](const Report& report) { return report.success_rate(); }))},
        {"normalized_score",
         value(over_runs([](const Report& report) { return report.normalized_score; }))},
        {"metrics", std::move(metrics)},
        {"random", report_json(random())},
        {"runs", std::move(runs)}};
  }

 private:
  static const EvaluationReport& report(const Evaluation& run) { return run.columns[0].report; }
  const EvaluationReport& random() const { return runs_.front().columns[1].report; }

  static double low(const MeanInterval& mean) { return mean.mean - mean.half_width; }
  static double high(const MeanInterval& mean) { return mean.mean + mean.half_width; }

  // Nothing where a run has no such number.
  std::optional<MeanInterval> over_runs(
      const std::function<std::optional<double>(const EvaluationReport&)>& value) const {
    std::vector<double> values;
    for (const Evaluation& run : runs_) {
      const std::optional<double> one = value(report(run));
      if (!one) return std::nullopt;
      values.push_back(*one);
    }
    return mean_interval(values);
  }

  std::vector<Evaluation> runs_;
};

int evaluate_group(const std::vector<std::string>& runs, const EvaluateFlags& flags,
                   const Launch& launch) {
  std::vector<Evaluation> evaluations;
  for (const std::string& run : runs) {
    const EvaluationReport* random =
        evaluations.empty() ? nullptr : &evaluations.front().columns[1].report;
    evaluations.push_back(evaluate_run(run, flags, launch, random));
    const LoadedPolicy& first = evaluations.front().loaded;
    REVERIE_CHECK(evaluations.back().loaded.spec.id == first.spec.id &&
                      evaluations.back().loaded.config->agent == first.config->agent,
                  "{}: is of {} in {}, expected {} in {} as in {}", run,
                  evaluations.back().loaded.config->agent, evaluations.back().loaded.spec.id,
                  first.config->agent, first.spec.id, first.name);
  }
  const std::string title =
      fmt::format("{} on {}, {} runs of {} episodes\n\n", flags.run,
                  evaluations.front().loaded.spec.id, runs.size(), flags.episodes);
  const GroupEvaluation group(std::move(evaluations));
  if (flags.json) {
    std::cout << group.json(flags.run, flags).dump(2) << "\n";
    return 0;
  }
  std::cout << title;
  group.print();
  return 0;
}

}  // namespace

int evaluate_command(const Arguments& arguments) {
  EvaluateFlags flags;
  LoadOptions& options = flags.options;
  CommandLine line(
      "evaluate",
      "Runs the policy of a run greedily for whole episodes, and the random policy from\nthe same "
      "starts for comparison. A policy that plans to goals gets starts and goals\nfrom held-out "
      "episodes, and planning in the true simulator is compared as well.");
  line.add(
      "RUN", flags.run,
      {.help = fmt::format("run folder, group of runs (train --seeds), or one of {} with --env",
                           untrained_agents()),
       .required = true});
  line.add("--episodes", flags.episodes, {.help = "episodes to run", .range = between(1, 1e6)});
  line.add("--seed", flags.seed,
           {.help = "random seed; the same seed gives the same starts", .range = at_least(0)});
  line.add("--env", options.env,
           {.help = "another environment with the same observation and actions",
            .fallback = "the run's"});
  line.add("--device", options.device,
           {.help = "device of the networks: cpu or cuda", .fallback = "the run's"});
  line.add("--checkpoint", options.checkpoint, {.help = kCheckpointHelp});
  line.add("--json", flags.json, {.help = "print one JSON object on stdout and nothing else"});
  line.add("--record", flags.record,
           {.help = "folder of a study: keep the result and how it was made in FOLDER/<run>.json, "
                    "for `reverie report`"});
  add_goal_flags(line, options.goals);
  line.add("--no-simulator", options.goals.simulator,
           {.help = "leave out planning in the true simulator, the upper bound"});
  add_environment_flags(line, arguments);
  if (!line.parse(with_random_goals(arguments))) return 0;

  options.adjust = adjust_by_flags(line);
  options.seed = static_cast<uint64_t>(flags.seed);
  options.goal_count = flags.episodes;
  const Launch launch = this_launch("evaluate", arguments);
  if (const auto runs = runs_of_group(flags.run); !runs.empty()) {
    return evaluate_group(runs, flags, launch);
  }
  const Evaluation evaluation = evaluate_run(flags.run, flags, launch, nullptr);
  if (flags.json) {
    std::cout << evaluation.json.dump(2) << "\n";
    return 0;
  }
  const LoadedPolicy& loaded = evaluation.loaded;
  std::cout << fmt::format("{} on {}, {} episodes, checkpoint of step {}\n\n", loaded.name,
                           loaded.spec.id, flags.episodes, loaded.step);
  if (loaded.goals) {
    std::cout << fmt::format("goals: {}; at most {} steps to reach them\n\n", loaded.goals->source,
                             loaded.goals->options.budget);
  }
  print_table(evaluation.columns);
  return 0;
}

}  // namespace reverie
