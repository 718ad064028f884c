#include "apps/run_flags.h"

#include <filesystem>

#include "agents/registry.h"
#include "apps/build_commit.h"
#include "core/machine.h"
#include "drawing/video.h"
#include "envs/registry.h"

namespace reverie {
namespace {

// The run's folder among the arguments, or ""; flags and their values may come before it.
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
  // A misspelled run must not make its flags look wrong.
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
  const std::string heading = "Goals, of runs that plan to them";
  line.add("--dataset", request.dataset,
           {.help = "whose held-out episodes starts and goals are drawn from",
            .fallback = "the run's",
            .heading = heading});
  line.add("--goal-steps", request.steps,
           {.help = "steps from start to goal, N or LOW-HIGH", .heading = heading});
  line.add("--budget", request.budget,
           {.help = "steps to get there",
            .range = between(1, GoalRequest::kMostSteps),
            .fallback = "twice --goal-steps",
            .heading = heading});
  line.add("--radius", request.radius,
           {.help = "what counts as there [m]",
            .range = above(0),
            .fallback = "the environment's own",
            .heading = heading});
  line.add(
      "--goal-image", request.image,
      {.help = "a PNG file that shows the goal, of the size of the pixels", .heading = heading});
  line.add("--goal-state", request.state,
           {.help = "qpos of the goal, X,Y,...", .heading = heading});
}

void OutFlags::add_to(CommandLine& line, const char* what) {
  line.add("--out", path, {.help = what, .required = true});
  line.add("--overwrite", overwrite, {.help = "replace a file that already exists"});
}

void OutFlags::check() const {
  is_picture() ? check_png_path(path) : check_video_path(path);
  // VideoWriter requires that folders are new or empty.
  std::error_code error;
  REVERIE_CHECK(overwrite || !std::filesystem::exists(path, error) || path.ends_with('/'),
                "--out {}: already exists; --overwrite replaces it", path);
}

Launch this_launch(const std::string& command, const Arguments& arguments) {
  Arguments words = {"reverie", command};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return {.command = command_text(words), .commit = kBuildCommit, .machine = this_machine()};
}

void WorldModelFlags::add_to(CommandLine& line) {
  line.add("RUN", run, {.help = "run folder of an agent with a world model", .required = true});
  line.add("--dataset", dataset,
           {.help = "episodes with pictures and the simulator's state", .fallback = "the run's"});
  line.add("--seed", seed,
           {.help = "the same seed gives the same numbers on the CPU", .range = at_least(0)});
  line.add("--device", device, {.help = "cpu or cuda", .fallback = "the run's"});
  line.add("--plot", plot, {.help = "also draw the result, as F.png"});
  line.add("--json", json, {.help = "one JSON object on stdout, nothing else"});
}

void WorldModelFlags::check() const {
  REVERIE_CHECK(plot.empty() || plot.ends_with(".png"),
                "--plot {}: expected a name that ends in .png", plot);
}

}  // namespace reverie
