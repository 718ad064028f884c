#include <cmath>
#include <iostream>

#include <nlohmann/json.hpp>

#include "agents/evaluation.h"
#include "agents/random/random_agent.h"
#include "agents/registry.h"
#include "apps/command.h"
#include "apps/run_loading.h"
#include "core/progress.h"
#include "core/statistics.h"

namespace reverie {
namespace {

using Json = nlohmann::ordered_json;

// JSON has no NaN: a metric that no episode has is null.
Json number(double value) { return std::isnan(value) ? Json(nullptr) : Json(value); }

Json report(const std::vector<Episode>& episodes, const EnvSpec& spec, uint64_t seed) {
  const Summary returns = summarize(episode_returns(episodes), seed);
  std::vector<double> lengths;
  lengths.reserve(episodes.size());
  for (const Episode& episode : episodes) lengths.push_back(static_cast<double>(episode.length));
  Json metrics = Json::object();
  for (const auto& [name, value] : episodes.front().metrics) {
    metrics[name] = number(mean_of_numbers(episode_metric(episodes, name)));
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

void print_table(const Json& run, const Json& random) {
  const auto row = [](std::string_view name, const std::string& ours, const std::string& theirs) {
    std::cout << fmt::format("  {:<24} {:>22} {:>22}\n", name, ours, theirs);
  };
  const auto both = [&](std::string_view name, const auto& text) {
    row(name, text(run), text(random));
  };
  row("", "policy", "random");
  both("return, mean", [](const Json& r) { return cell(r["return"]["mean"], "{:.2f}"); });
  both("  95 % interval", [](const Json& r) {
    return fmt::format("{:.2f} .. {:.2f}", r["return"]["ci95"][0].get<double>(),
                       r["return"]["ci95"][1].get<double>());
  });
  both("  inter-quartile mean", [](const Json& r) { return cell(r["return"]["iqm"], "{:.2f}"); });
  both("  standard deviation", [](const Json& r) { return cell(r["return"]["std"], "{:.2f}"); });
  both("success rate", [](const Json& r) { return cell(r["success_rate"], "{:.3f}"); });
  both("normalised score", [](const Json& r) { return cell(r["normalized_score"], "{:.1f}"); });
  both("episode length [steps]", [](const Json& r) { return cell(r["length"]["mean"], "{:.1f}"); });
  for (const auto& [name, value] : run["metrics"].items()) {
    if (name != "success")
      row(name, cell(value, "{:.3f}"), cell(random["metrics"][name], "{:.3f}"));
  }
}

}  // namespace

int evaluate_command(const Arguments& arguments) {
  std::string run;
  LoadOptions options;
  int64_t episodes = 100;
  int64_t seed = 0;
  bool json = false;
  CommandLine line("evaluate",
                   "Runs the latest policy of a run greedily for whole episodes, and the random\n"
                   "policy on the same starts beside it.");
  line.app()
      .add_option("RUN", run,
                  fmt::format("run folder, or with --env one of {}", untrained_agents()))
      ->required();
  line.app().add_option("--episodes", episodes, "episodes to run")->check(CLI::Range(1, 1000000));
  line.app()
      .add_option("--seed", seed, "the same seed gives the same starts")
      ->check(CLI::NonNegativeNumber);
  line.app().add_option("--env", options.env, "another environment with the same fields");
  line.app().add_option("--device", options.device, "cpu or cuda; the run's when not given");
  line.app().add_flag("--json", json, "one JSON object on stdout, nothing else");
  add_environment_flags(line, arguments);
  if (!line.parse(arguments)) return 0;

  options.flags = &line;
  options.seed = static_cast<uint64_t>(seed);
  LoadedPolicy loaded = load_policy(run, options);
  const std::unique_ptr<Policy> random = make_random_policy(loaded.spec, options.seed);
  ProgressBar progress(2 * episodes, {.label = "evaluate"});
  const auto run_policy = [&](Policy& policy, int64_t done) {
    return report(evaluate(policy, loaded.make_env,
                           {.episodes = episodes,
                            .seed = options.seed,
                            .threads = static_cast<int>(loaded.config->threads),
                            .on_progress = [&](int64_t n) { progress.update(done + n); }}),
                  loaded.spec, options.seed);
  };
  const Json ours = run_policy(*loaded.policy, 0);
  const Json theirs = run_policy(*random, episodes);
  progress.finish();

  if (json) {
    Json out = {{"env", loaded.spec.id},
                {"run", loaded.name},
                {"seed", seed},
                {"step", loaded.step},
                {"episodes", episodes}};
    for (const auto& [key, value] : ours.items()) out[key] = value;
    out["random"] = theirs;
    // A run folder's name need not be UTF-8.
    std::cout << out.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
    return 0;
  }
  std::cout << fmt::format("{} on {}, {} episodes, checkpoint of step {}\n\n", loaded.name,
                           loaded.spec.id, episodes, loaded.step);
  print_table(ours, theirs);
  return 0;
}

}  // namespace reverie
