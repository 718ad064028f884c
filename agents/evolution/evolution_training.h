#pragma once

#include <memory>

#include "agents/training/trainer.h"

namespace reverie {

// Trains an EvolutionAgent, a generation of candidates after the other. All candidates play the
// same episodes side by side: episode e of generation g begins in the same way for each (common
// random numbers), so that their returns differ by what they do.
//
// A turn is a step of every environment; those of candidates that have played all of their episodes
// do not count. A run ends with the first generation that reaches --steps, or when the strategy
// says that going on is pointless (EvolutionStrategy::stop_reason()). A checkpoint in the middle of
// a generation holds its beginning: a resumed run plays the generation again, with the same result.
// Counts environment steps; an update is a generation.
struct EvolutionTraining : TrainingConfig {
  EvolutionTraining();

  // Environments that are stepped together, unless there are more candidates.
  static constexpr int64_t kMostEnvs = 128;

  TrainingLimits limits = {};
  DriveOptions drive_options;

  void describe(ConfigFields& fields) override;
  const DriveOptions& drive() const override { return drive_options; }
  bool can_resume() const override { return true; }
  int64_t length(const RunConfig& config) const override;
  std::unique_ptr<Trainer> make(const RunConfig& config, const Say& say) const override;
};

}  // namespace reverie
