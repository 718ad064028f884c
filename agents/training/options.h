#pragma once

#include <cstdint>
#include <string>

#include "core/config.h"
#include "envs/wrappers/training_limits.h"
#include "replay/replay_buffer.h"

namespace reverie {

// Options shared by several ways of training, each with the fields that it describes.

struct DriveOptions {
  int64_t log_every = 2000;
  int64_t checkpoint_every = 50000;
  double checkpoint_minutes = 0.0;  // at the latest after so long; 0 = never
  int64_t keep_checkpoints = 2;
  int64_t evaluate_every = 0;  // 0 = never
  int64_t evaluate_episodes = 20;
  int64_t picture_every = 0;  // 0 = never

  void describe(ConfigFields& fields);
  void describe_evaluation(ConfigFields& fields);
};

// The limits of training episodes as options.
void describe_limits(ConfigFields& fields, TrainingLimits& limits);

// Options for experience gathered during learning.
struct GatheringOptions {
  int64_t num_envs = 8;
  int64_t learning_starts = 5000;
  double updates_per_step = 1.0;
  TrainingLimits limits = {};
  bool overlap = true;

  void describe(ConfigFields& fields);
};

// Where transitions are kept.
struct ReplaySettings {
  int64_t replay_capacity = 1000000;
  double replay_memory = 0.0;  // [GB] 0 = unlimited
  std::string replay_folder;   // for data beyond it; "" = the system's temporary folder
  bool prefetch = true;
  bool save_replay = true;

  void describe(ConfigFields& fields);
  void describe_storage(ConfigFields& fields);  // without prefetch

  // priority_exponent: 0 = uniform.
  ReplayOptions buffer_options(double priority_exponent = 0.0) const;
};

struct PriorityOptions {
  double priority_exponent = 0.0;
  double priority_beta = 0.4;

  void describe(ConfigFields& fields);
};

struct HindsightOptions {
  std::string goal_strategy = "none";
  double goal_ratio = 0.8;
  double goal_random_share = 0.0;

  void describe(ConfigFields& fields);
};

// A dataset to learn from.
struct DatasetOptions {
  std::string path;            // "" = experience is gathered
  int64_t updates = 0;         // gradient updates on it; 0 = the default of the way to train
  double held_out = 0.0;       // fraction of its episodes that is held out
  double share = 0.5;          // its fraction of batches once experience is gathered too
  double best_episodes = 1.0;  // the fraction of its episodes, those of greatest return, to use
  bool alone = false;          // nothing can be gathered in addition
};

// Sequences of steps to learn from, gathered or of a dataset (agents/training/experience.h).
struct ExperienceOptions {
  GatheringOptions gathering;
  ReplaySettings replay;
  DatasetOptions data;
  std::string gather_policy = "random";  // an agent that needs no training
};

}  // namespace reverie
