#include "runs/load_policy.h"

#include <set>
#include <vector>

#include <fmt/ranges.h>

#include "agents/registry.h"
#include "agents/training/dataset_split.h"
#include "core/random.h"
#include "core/run_directory.h"
#include "envs/registry.h"
#include "envs/wrappers/wrapped_config.h"
#include "nn/device.h"
#include "runs/run_group.h"
#include "runs/task_inference.h"

namespace reverie {
namespace {

// The run's environment, or another one as the run's policy would see it, with the adjustments.
std::unique_ptr<EnvConfig> choose_environment(RunConfig& config, const LoadOptions& options) {
  std::unique_ptr<EnvConfig> chosen = environment_for(config, options.env);
  if (options.adjust) {
    ConfigFields fields;
    fields.section("environment");
    chosen->describe(fields);
    options.adjust(fields);
  }
  return chosen;
}

// Uses this environment from now on, and keeps it in the config for reports.
void use_environment(LoadedPolicy& loaded, const LoadOptions& options) {
  loaded.config->env_config = choose_environment(*loaded.config, options);
  loaded.make_env = loaded.config->env_config->maker();
  loaded.plain_env = loaded.make_env;
  loaded.spec = loaded.make_env()->spec();
}

LoadedPolicy load_untrained(const std::string& name, const LoadOptions& options) {
  REVERIE_CHECK(!options.env.empty(), "the {} policy needs an environment: give --env ID", name);
  const UntrainedPolicy& untrained = *find_agent(name).untrained;
  LoadedPolicy loaded;
  loaded.name = name;
  loaded.config = make_run_config(options.env, name);
  if (untrained.reads_state) {  // unless the flags request more
    loaded.config->env_config->set_option("observation", "state");
  }
  use_environment(loaded, options);
  loaded.make_actor = untrained.make(loaded.make_env);
  return loaded;
}

// Throws Error(kInput) when the environment that the flags make is not one for the policy.
void check_played(const EnvSpec& trained, const EnvSpec& other) {
  check_same_interface(trained, other,
                       fmt::format("{}, as --env and the environment's flags make it", other.id));
}

TrainedRun open_run(const std::string& run, const LoadOptions& options) {
  TrainedRunOptions of_run{.device = options.device, .checkpoint = options.checkpoint};
  if (options.adjust) {
    of_run.adjust = [&](AgentConfig& config) {
      ConfigFields fields;
      fields.section("agent");
      config.describe_acting(fields);
      options.adjust(fields);
    };
  }
  return open_trained_run(open_run_folder(run), of_run);
}

// Turns the environment into the task of reaching goals.
void pursue_goals(LoadedPolicy& loaded, const LoadOptions& options) {
  loaded.goals = find_goals(options.goals, *loaded.config, loaded.dataset, loaded.plain_env,
                            options.goal_count, options.seed);
  loaded.make_env = with_goals(loaded.plain_env, *loaded.goals, /*planner_fields=*/false);
  loaded.spec = loaded.make_env()->spec();
}

}  // namespace

RunDirectory open_run_folder(const std::string& run) {
  const std::vector<std::string> group = runs_of_group(run);
  REVERIE_CHECK(group.empty(), "{}: is a group of {} runs; expected one of them, such as {}", run,
                group.size(), group.front());
  try {
    return RunDirectory::open(run, RunDirectory::Access::kRead);
  } catch (const Error& error) {
    std::error_code ignored;
    const bool is_path =
        run.empty() || run.find('/') != std::string::npos || std::filesystem::exists(run, ignored);
    if (is_path) throw;
    throw Error(fmt::format("{}. Policies that need no run: {}", error.what(), untrained_agents()),
                error.kind());
  }
}

std::unique_ptr<EnvConfig> environment_for(RunConfig& config, const std::string& env) {
  std::unique_ptr<EnvConfig> chosen = std::move(config.env_config);
  if (env.empty() || env == config.env) return chosen;
  std::unique_ptr<EnvConfig> other = find_env(env).config();
  copy_wrappers(*chosen, *other);
  return other;
}

uint64_t LoadedPolicy::episode_seed(uint64_t seed, int64_t i) const {
  const auto index = static_cast<uint64_t>(i);
  return goals ? index : mix_seed({seed, index});
}

ActorMaker evaluating_actors(Agent& agent) {
  return [&agent](int64_t num_envs, uint64_t seed) {
    return agent.actor(num_envs, {ActMode::kEvaluate}, seed);
  };
}

namespace {

// Only a policy that plans to goals takes flags for them.
void refuse_goals(const GoalRequest& given, const std::string& name) {
  const GoalRequest defaults;
  const char* flag = given.dataset != defaults.dataset ? "--dataset"
                     : given.steps != defaults.steps   ? "--goal-steps"
                     : given.budget != defaults.budget ? "--budget"
                     : given.radius != defaults.radius ? "--radius"
                     : given.image != defaults.image   ? "--goal-image"
                     : given.state != defaults.state   ? "--goal-state"
                                                       : nullptr;
  if (flag != nullptr) fail_input("{}: {} does not plan to goals; leave it out", flag, name);
}

GoalRequest without_dataset(GoalRequest goals) {
  goals.dataset.clear();
  return goals;
}

// What the reward of the config's environment may depend on: its id, and its options but those of
// what is shown, for how long, and how it is disturbed.
std::vector<std::string> reward_options(RunConfig& config) {
  static const std::set<std::string> others = {
      "observation", "image_size",  "crop",           "resize",
      "grey",        "frame_stack", "sticky_actions", "observation_noise",
      "time_limit",  "max_steps",   "action_noise"};
  std::vector<std::string> texts = {config.env_config->spec().id};
  ConfigFields fields;
  config.env_config->describe(fields);
  for (const ConfigField& field : fields.all()) {
    if (!others.contains(field.name)) texts.push_back(field.name + " = " + field.text());
  }
  return texts;
}

// Tells the agent the reward of the environment that it is evaluated in.
void pursue_reward(TaskAgent& agent, LoadedPolicy& loaded, const LoadOptions& options) {
  const bool is_other = !options.goals.dataset.empty();
  const std::string path = is_other ? options.goals.dataset : loaded.config->dataset();
  REVERIE_CHECK(!path.empty(),
                "{}: the reward of {} is inferred from a dataset's states, and the run learnt from "
                "none; expected --dataset F (evaluate, render)",
                loaded.name, loaded.spec.id);
  const std::unique_ptr<Dataset> dataset = Dataset::open(path);
  const DatasetIdentity identity = DatasetIdentity::of(*dataset);
  // A best checkpoint does not hold what it learnt from.
  if (!is_other && !loaded.dataset.empty()) identity.check(loaded.dataset);
  pursue_reward_of(agent, *loaded.make_env(), *dataset, TaskAgent::kSamples, options.seed);
  loaded.task = identity.content;
}

void choose_task(TaskAgent& agent, LoadedPolicy& loaded, bool is_other_reward,
                 const LoadOptions& options) {
  refuse_goals(without_dataset(options.goals), loaded.name);
  if (agent.follows_goals()) {
    REVERIE_CHECK(
        options.goals.dataset.empty(),
        "--dataset: {} pursues the goals that {} shows, whatever its reward; leave it out",
        loaded.name, loaded.spec.id);
    return;
  }
  check_one_task(*loaded.make_env());
  if (is_other_reward || !options.goals.dataset.empty()) pursue_reward(agent, loaded, options);
  REVERIE_CHECK(
      agent.has_reward(),
      "{}: the reward is 0 in all of the samples that it learnt from first; a task cannot "
      "be inferred from them. --dataset F takes states from a dataset",
      loaded.name);
}

}  // namespace

LoadedPolicy load_policy(const std::string& run, const LoadOptions& options) {
  if (is_untrained(run)) {
    refuse_goals(options.goals, run);
    return load_untrained(run, options);
  }
  TrainedRun opened = open_run(run, options);
  LoadedPolicy loaded;
  loaded.name = run;
  loaded.config = std::move(opened.config);
  loaded.agent = std::move(opened.agent);
  loaded.make_actor = evaluating_actors(*loaded.agent);
  loaded.step = opened.step;
  loaded.dataset = opened.dataset;
  const std::vector<std::string> trained_reward = reward_options(*loaded.config);
  use_environment(loaded, options);
  check_played(opened.trained, loaded.spec);
  set_compute_threads(static_cast<int>(loaded.config->threads));
  REVERIE_CHECK(options.without_goals || find_agent(loaded.config->agent).acts,
                "{}: a run of {} gives rewards and no actions; `reverie dataset relabel IN OUT "
                "--reward-run {}` writes a dataset with them to learn from",
                run, loaded.config->agent, run);
  if (auto* tasks = dynamic_cast<TaskAgent*>(loaded.agent.get())) {
    choose_task(*tasks, loaded, trained_reward != reward_options(*loaded.config), options);
  } else if (!find_agent(loaded.config->agent).reaches_goals) {
    refuse_goals(options.goals, run);
  } else if (!options.without_goals) {
    pursue_goals(loaded, options);
  }
  return loaded;
}

EnvMaker make_without_pictures(const LoadedPolicy& loaded) {
  const auto fields_of = [](EnvConfig& env) {
    ConfigFields fields;
    fields.section("environment");
    env.describe(fields);
    return fields;
  };
  const std::unique_ptr<EnvConfig> copy = find_env(loaded.spec.id).config();
  fields_of(*copy).load_toml_text(fields_of(*loaded.config->env_config).to_toml(), loaded.name);
  leave_out_pictures(*copy);
  return copy->maker();
}

SecondPolicy load_second_policy(const std::string& run, const LoadedPolicy& first,
                                const LoadOptions& options) {
  if (is_untrained(run)) {
    return {.agent = nullptr, .make_actor = find_agent(run).untrained->make(first.make_env)};
  }
  TrainedRun opened = open_run(run, options);
  const EnvSpec played = first.plain_env()->spec();
  check_played(opened.trained, played);
  const bool serves_tasks = dynamic_cast<TaskAgent*>(opened.agent.get()) != nullptr;
  REVERIE_CHECK(!serves_tasks || opened.trained.id == played.id,
                "{}: serves any reward, but in a mixture only that of {}, found {}", run,
                opened.trained.id, played.id);
  ActorMaker make_actor = evaluating_actors(*opened.agent);
  return {.agent = std::move(opened.agent), .make_actor = std::move(make_actor)};
}

}  // namespace reverie
