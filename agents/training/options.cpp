#include "agents/training/options.h"

#include <filesystem>

namespace reverie {

void DriveOptions::describe(ConfigFields& f) {
  f.add("log_every", log_every, "steps between rows of metrics.csv", at_least(1));
  f.add("checkpoint_every", checkpoint_every, "steps between checkpoints", at_least(1));
  f.add("checkpoint_minutes", checkpoint_minutes,
        "minutes after which a checkpoint is written in any case; 0 = never", at_least(0));
  f.add("keep_checkpoints", keep_checkpoints, "number of checkpoints to keep, the newest ones",
        at_least(1));
  f.set_without_effect({"log_every", "checkpoint_every", "checkpoint_minutes", "keep_checkpoints"});
}

void DriveOptions::describe_evaluation(ConfigFields& f) {
  f.add("evaluate_every", evaluate_every, "steps between evaluations; 0 = never", at_least(0));
  f.add("evaluate_episodes", evaluate_episodes, "episodes of an evaluation during training",
        at_least(1));
  f.set_without_effect({"evaluate_every", "evaluate_episodes"});
}

void describe_limits(ConfigFields& f, TrainingLimits& limits) {
  f.add("stall_limit", limits.stall_limit,
        "steps without a positive reward after which an episode of training is truncated; "
        "evaluations play to the end; 0 = none",
        at_least(0));
  f.add("episode_limit", limits.episode_limit,
        "steps after which an episode of training is truncated; evaluations play to the end; 0 = "
        "none",
        at_least(0));
  f.set_lifelong({"stall_limit", "episode_limit"});
}

void GatheringOptions::describe(ConfigFields& f) {
  f.add("num_envs", num_envs, "environments stepped together", between(1, 65536));
  f.set_lifelong({"num_envs"});
  f.add("learning_starts", learning_starts,
        "steps of random actions before the first update; none after learning from a "
        "dataset",
        at_least(0));
  f.add("updates_per_step", updates_per_step, "gradient updates per environment step",
        between(0, 1000));
  describe_limits(f, limits);
}

void ReplaySettings::describe(ConfigFields& f) {
  describe_storage(f);
  f.add("prefetch", prefetch,
        "draw the next batch while learning from this one; the batches stay the same");
  f.set_without_effect({"prefetch"});
}

void ReplaySettings::describe_storage(ConfigFields& f) {
  f.add("replay_capacity", replay_capacity, "transitions kept", at_least(3));
  f.set_lifelong({"replay_capacity"});
  f.add("replay_memory", replay_memory,
        "memory for the replay buffer [GB]; a larger buffer is stored in files; 0 = no limit",
        at_least(0));
  f.add("replay_folder", replay_folder,
        "folder of those files, which vanish with the process; \"\" = $TMPDIR");
  f.set_without_effect({"replay_memory", "replay_folder"});
}

ReplayOptions ReplaySettings::buffer_options(double priority_exponent) const {
  ReplayOptions options;
  if (replay_memory > 0.0) {
    options.memory_budget = static_cast<size_t>(replay_memory * 1e9);
    options.disk_folder = replay_folder.empty() ? std::filesystem::temp_directory_path()
                                                : std::filesystem::path(replay_folder);
  }
  if (priority_exponent > 0.0) options.priority_exponent = priority_exponent;
  return options;
}

void PriorityOptions::describe(ConfigFields& f) {
  f.add("priority_exponent", priority_exponent,
        "prioritised replay: P ~ |TD error|^alpha (Schaul et al. 2016); 0 = uniform",
        between(0, 1));
  f.add("priority_beta", priority_beta, "exponent of prioritised replay's importance weights",
        between(0, 1));
}

void HindsightOptions::describe(ConfigFields& f) {
  f.add("goal_strategy", goal_strategy,
        "hindsight: which reached goals replace desired ones (Andrychowicz et al. 2017)",
        {"none", "final", "future", "geometric", "random"});
  f.add("goal_ratio", goal_ratio, "share of transitions whose goal is replaced", between(0, 1));
  f.add("goal_random_share", goal_random_share,
        "share of these goals that any episode reached, whatever the strategy", between(0, 1));
}

}  // namespace reverie
