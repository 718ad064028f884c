#pragma once

#include <cstdint>
#include <string>

#include "core/config.h"

namespace reverie {

// How data is gathered, how often is learned and what is saved: what the training loop needs to
// know beside the algorithm.
struct TrainingConfig {
  int64_t num_envs = 8;
  int64_t learning_starts = 5000;
  double updates_per_step = 1.0;
  int64_t replay_capacity = 1000000;
  double replay_memory = 0.0;  // [GB] 0 = as much as it takes
  std::string replay_folder;   // for what goes beyond it; "" = the system's temporary one
  bool prefetch = true;
  double priority_exponent = 0.0;
  double priority_beta = 0.4;
  std::string goal_strategy = "none";
  double goal_ratio = 0.8;
  bool overlap = true;
  std::string dataset;  // "" = experience is gathered
  double held_out = 0.1;
  int64_t picture_every = 0;
  int64_t decoder_updates = 0;
  int64_t log_every = 2000;
  int64_t checkpoint_every = 50000;
  int64_t keep_checkpoints = 2;
  bool save_replay = true;
  int64_t evaluate_every = 25000;
  int64_t evaluate_episodes = 20;

  void describe(ConfigFields& fields);

  // What an off-policy agent learns from and how often, wherever it does: those up to `goal_ratio`.
  void describe_learning(ConfigFields& fields);

  // Those of train_world_model().
  void describe_world_model(ConfigFields& fields);

 private:
  void describe_gathering(ConfigFields& fields);
  void describe_log(ConfigFields& fields);
};

}  // namespace reverie
