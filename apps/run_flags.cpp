#include "apps/run_flags.h"

#include <algorithm>
#include <filesystem>

#include "agents/registry.h"
#include "apps/build_commit.h"
#include "core/machine.h"
#include "envs/registry.h"
#include "runs/run_group.h"

namespace reverie {
namespace {

// The run's folder among the arguments, or that of a group's first run, or ""; flags and their
// values may come before it.
std::string find_run(const Arguments& arguments) {
  for (const std::string& argument : arguments) {
    if (argument.empty() || argument.starts_with('-')) continue;
    if (const auto group = runs_of_group(argument); !group.empty()) return group.front();
    std::error_code error;
    if (std::filesystem::exists(argument + "/config.toml", error) && !error) return argument;
  }
  return "";
}

// How runs of each agent act. An option of several agents is shown once.
void add_acting_flags(CommandLine& line) {
  for (const AgentEntry& entry : agent_registry()) {
    const std::unique_ptr<AgentConfig> config = entry.config();
    ConfigFields acting;
    config->describe_acting(acting);
    for (const ConfigField& field : acting.all()) {
      if (line.has(field.flag())) continue;
      line.add_field(field, fmt::format("Options of [agent], for runs of {}", entry.name));
    }
  }
}

}  // namespace

void add_environment_flags(CommandLine& line, const Arguments& arguments) {
  const std::string env = peek_flag(arguments, "--env");
  std::string run = find_run(arguments);
  // A misspelled run must not make its flags look wrong.
  const bool names_run = run.empty() && env.empty() && !arguments.empty() &&
                         !arguments[0].starts_with('-') && !is_untrained(arguments[0]);
  if (names_run) run = arguments[0];
  add_environment_flags(line, env, run, "RUN, or --env ID,");
}

void add_environment_flags(CommandLine& line, const std::string& env, const std::string& run,
                           const std::string& how) {
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
    add_acting_flags(line);
    return add_common_flags(line, how);  // load_policy() says what is missing
  }
  ConfigFields fields;
  fields.section("environment");
  environment->describe(fields);
  line.add_fields(fields);
}

Arguments with_random_goals(Arguments arguments) {
  for (size_t i = 0; i < arguments.size(); ++i) {
    const bool has_value = i + 1 < arguments.size();
    if (arguments[i] == "--reward=random-goals") {
      arguments[i] = "--vary=goal";
    } else if (arguments[i] == "--reward" && has_value && arguments[i + 1] == "random-goals") {
      arguments[i] = "--vary";
      arguments[i + 1] = "goal";
    }
  }
  return arguments;
}

LoadOptions::Adjust adjust_by_flags(const CommandLine& line) {
  return [&line](const ConfigFields& fields) { line.apply(fields); };
}

void add_goal_flags(CommandLine& line, GoalRequest& request) {
  const std::string heading = "Goals, for runs that plan to goals, and rewards";
  line.add("--dataset", request.dataset,
           {.help = "dataset whose held-out episodes provide starts and goals; for fb, hilp and "
                    "td-jepa, whose states the reward of --env is inferred from",
            .fallback = "the run's",
            .heading = heading});
  line.add("--goal-steps", request.steps,
           {.help = "steps from start to goal, N or LOW-HIGH", .heading = heading});
  line.add("--budget", request.budget,
           {.help = "steps allowed to reach the goal",
            .range = between(1, GoalRequest::kMostSteps),
            .fallback = "twice --goal-steps",
            .heading = heading});
  line.add("--radius", request.radius,
           {.help = "distance to the goal that counts as reached [m]",
            .range = above(0),
            .fallback = "the environment's own",
            .heading = heading});
  line.add(
      "--goal-image", request.image,
      {.help = "PNG picture of the goal, as large as the observed pixels", .heading = heading});
  line.add("--goal-state", request.state,
           {.help = "position of the goal (qpos), X,Y,...", .heading = heading});
}

Launch this_launch(const std::string& command, const Arguments& arguments) {
  Arguments words = {"reverie", command};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return {.command = command_text(words), .commit = kBuildCommit, .machine = this_machine()};
}

void WorldModelFlags::add_to(CommandLine& line) {
  line.add("RUN", run, {.help = "run folder of an agent with a world model", .required = true});
  line.add("--dataset", dataset,
           {.help = "dataset with pictures and the simulator's state", .fallback = "the run's"});
  line.add("--seed", seed,
           {.help = "random seed; the same seed gives the same numbers on the CPU",
            .range = at_least(0)});
  line.add("--device", device,
           {.help = "device of the networks: cpu or cuda", .fallback = "the run's"});
  line.add("--plot", plot, {.help = "also draw the result, to a .png file"});
  line.add("--json", json, {.help = "print one JSON object on stdout and nothing else"});
}

void WorldModelFlags::check() const {
  REVERIE_CHECK(plot.empty() || plot.ends_with(".png"),
                "--plot {}: expected a name that ends in .png", plot);
}

}  // namespace reverie
