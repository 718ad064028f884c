#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agents/training/training_config.h"
#include "core/config.h"
#include "nn/checkpoint.h"

namespace reverie {

struct RunConfig;
struct TrainingSession;
struct TrainingResult;

// One way to train an agent: what [training] holds for it, and what is run.
struct TrainingLoop {
  TrainingConfig defaults;

  // Lists the options that it reads.
  void (*describe)(TrainingConfig& config, ConfigFields& fields);

  // resume: a checkpoint read with groups() to continue from, bit-equal on the CPU.
  TrainingResult (*train)(TrainingSession& session, std::optional<Checkpoint> resume);
  std::vector<std::string> (*groups)(const TrainingConfig& config);

  // Throws Error(kInput) where the options in force do not go on from a checkpoint, before anything
  // of the run is touched; null: nothing is asked.
  void (*check_resume)(const RunConfig& config, const Checkpoint& saved) = nullptr;

  // Whether checkpoints hold, or can do without, what the agent learns from.
  bool (*can_resume)(const TrainingConfig& config);
};

}  // namespace reverie
