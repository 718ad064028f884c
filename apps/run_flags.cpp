#include "apps/run_flags.h"

#include <filesystem>

#include "agents/registry.h"
#include "envs/registry.h"

namespace reverie {
namespace {

// The folder of the run among the arguments, or "": flags and their values may stand before it.
std::string find_run(const Arguments& arguments) {
  for (const std::string& argument : arguments) {
    std::error_code error;
    const bool is_run = !argument.empty() && !argument.starts_with('-') &&
                        std::filesystem::exists(argument + "/config.toml", error) && !error;
    if (is_run) return argument;
  }
  return "";
}

}  // namespace

void add_environment_flags(CommandLine& line, const Arguments& arguments) {
  const std::string env = peek_flag(arguments, "--env");
  std::string run = find_run(arguments);
  // A misspelled run must not make its flags the mistake.
  const bool names_run = run.empty() && env.empty() && !arguments.empty() &&
                         !arguments[0].starts_with('-') && !is_untrained(arguments[0]);
  if (names_run) run = arguments[0];
  add_environment_flags(line, env, run);
}

void add_environment_flags(CommandLine& line, const std::string& env, const std::string& run) {
  std::unique_ptr<EnvConfig> environment;
  if (!run.empty()) {
    const RunDirectory directory = open_run_folder(run);
    const std::unique_ptr<RunConfig> config = load_run_config(directory.config_file());
    ConfigFields acting;
    acting.section("agent");
    config->agent_config->describe_acting(acting);
    line.add_fields(acting);
    environment = environment_for(*config, env);
  } else if (!env.empty()) {
    environment = find_env(env).config();
  } else {
    return;  // load_policy() says what is missing
  }
  ConfigFields fields;
  fields.section("environment");
  environment->describe(fields);
  line.add_fields(fields);
}

LoadOptions::Adjust adjust_by_flags(const CommandLine& line) {
  return [&line](const ConfigFields& fields) { line.apply(fields); };
}

void add_goal_flags(CommandLine& line, GoalRequest& request) {
  CLI::App& app = line.app();
  const std::string group = "Goals, of runs that plan to them";
  app.add_option("--dataset", request.dataset,
                 "whose held-out episodes starts and goals are drawn from (default: the run's)")
      ->group(group);
  app.add_option("--goal-steps", request.steps,
                 "steps from start to goal, N or LOW-HIGH (default 25-50)")
      ->group(group);
  app.add_option("--budget", request.budget, "steps to get there (default: twice --goal-steps)")
      ->check(CLI::Range(int64_t{1}, GoalRequest::kMostSteps))
      ->group(group);
  app.add_option("--radius", request.radius,
                 "what counts as there [m] (default: the environment's own)")
      ->check(CLI::PositiveNumber)
      ->group(group);
  app.add_option("--goal-image", request.image,
                 "a PNG file that shows the goal, of the size of the pixels")
      ->group(group);
  app.add_option("--goal-state", request.state, "qpos of the goal, X,Y,...")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->group(group);
}

void WorldModelFlags::add_to(CommandLine& line) {
  line.app().add_option("RUN", run, "run folder of an agent with a world model")->required();
  line.app().add_option("--dataset", dataset,
                        "episodes with pictures and the simulator's state; the run's when not "
                        "given");
  line.app()
      .add_option("--seed", seed, "the same seed gives the same numbers on the CPU")
      ->check(CLI::NonNegativeNumber);
  line.app().add_option("--device", device, "cpu or cuda; the run's when not given");
  line.app().add_option("--plot", plot, "also draw the result, as F.png");
  line.app().add_flag("--json", json, "one JSON object on stdout, nothing else");
}

void WorldModelFlags::check() const {
  REVERIE_CHECK(plot.empty() || plot.ends_with(".png"),
                "--plot {}: expected a name that ends in .png", plot);
}

}  // namespace reverie
