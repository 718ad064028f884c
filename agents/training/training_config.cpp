#include "agents/training/training_config.h"

namespace reverie {

void TrainingConfig::describe_gathering(ConfigFields& f) {
  f.add("num_envs", num_envs, "environments stepped together", between(1, 65536));
  f.add("learning_starts", learning_starts, "steps of random actions before the first update",
        at_least(0));
  f.add("updates_per_step", updates_per_step, "gradient updates per environment step",
        between(0, 1000));
  f.add("replay_capacity", replay_capacity, "transitions kept", at_least(3));
  f.add("replay_memory", replay_memory,
        "memory for the replay buffer [GB], a larger one lies in files; 0 = no limit", at_least(0));
  f.add("replay_folder", replay_folder,
        "where those files go, nameless ones that vanish with the process; default: $TMPDIR");
}

void TrainingConfig::describe_learning(ConfigFields& f) {
  describe_gathering(f);
  f.add("priority_exponent", priority_exponent,
        "prioritised replay: P ~ |TD error|^alpha (Schaul et al. 2016); 0 = uniform",
        between(0, 1));
  f.add("priority_beta", priority_beta, "exponent of prioritised replay's importance weights",
        between(0, 1));
  f.add("goal_strategy", goal_strategy,
        "hindsight: which reached goals replace desired ones (Andrychowicz et al. 2017)",
        {"none", "final", "future", "geometric", "random"});
  f.add("goal_ratio", goal_ratio, "share of transitions whose goal is replaced", between(0, 1));
  f.add("prefetch", prefetch, "draw the next batch while learning from this one; same batches");
}

void TrainingConfig::describe(ConfigFields& f) {
  describe_learning(f);
  f.add("overlap", overlap, "learn while the environments step; the run stays repeatable");
  describe_log(f);
  f.add("evaluate_every", evaluate_every, "steps between evaluations; 0 = never", at_least(0));
  f.add("evaluate_episodes", evaluate_episodes, "episodes of an evaluation during training",
        at_least(1));
}

void TrainingConfig::describe_log(ConfigFields& f) {
  f.add("log_every", log_every, "steps between rows of metrics.csv", at_least(1));
  f.add("checkpoint_every", checkpoint_every, "steps between checkpoints", at_least(1));
  f.add("keep_checkpoints", keep_checkpoints, "checkpoints kept, the newest ones", at_least(1));
  f.add("save_replay", save_replay, "save the replay buffer too, so that a run can be resumed");
}

void TrainingConfig::describe_world_model(ConfigFields& f) {
  f.add("dataset", dataset, "learn from this dataset; default: from random actions, gathered live");
  f.add("held_out", held_out, "share of the episodes that is held out from training",
        {.low = 0, .high = 0.9, .open_low = true});
  describe_gathering(f);
  f.add("prefetch", prefetch, "draw the next batch while learning from this one; same batches");
  describe_log(f);
  f.add("picture_every", picture_every,
        "steps between pictures of nearest neighbours in latent space; 0 = none", at_least(0));
  f.add("decoder_updates", decoder_updates,
        "updates of a decoder of the latents once they are trained, for videos, no more than the "
        "model's own; 0 = none",
        at_least(0));
}

}  // namespace reverie
