#pragma once

#include <memory>

#include "agents/training/trainer.h"

namespace reverie {

// Trains an EvolutionAgent on an environment (PopulationTrainer). Counts environment steps.
struct EvolutionTraining : TrainingConfig {
  EvolutionTraining();

  TrainingLimits limits = {};
  DriveOptions drive_options;

  void describe(ConfigFields& fields) override;
  const DriveOptions& drive() const override { return drive_options; }
  bool can_resume() const override { return true; }
  int64_t length(const RunConfig& config) const override;
  std::unique_ptr<Trainer> make(const RunConfig& config, const Say& say) const override;
};

}  // namespace reverie
