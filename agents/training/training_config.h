#pragma once

#include <cstdint>

#include "core/config.h"

namespace reverie {

// How data is gathered, how often is learned and what is saved: what the training loop needs to
// know beside the algorithm.
struct TrainingConfig {
  int64_t num_envs = 8;
  int64_t learning_starts = 5000;
  double updates_per_step = 1.0;
  int64_t replay_capacity = 1000000;
  bool overlap = true;
  int64_t log_every = 2000;
  int64_t checkpoint_every = 50000;
  int64_t keep_checkpoints = 2;
  bool save_replay = true;
  int64_t evaluate_every = 25000;
  int64_t evaluate_episodes = 20;

  void describe(ConfigFields& fields);

  // The first four alone: how many environments learn from how much, and how often.
  void describe_learning(ConfigFields& fields);
};

}  // namespace reverie
