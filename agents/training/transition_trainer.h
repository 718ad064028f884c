#pragma once

#include <memory>

#include "agents/training/trainer.h"

namespace reverie {

// Trains an agent on transitions:
//
// - gathered by itself in N environments (off-policy):
//
//     repeat:  a = actor(obs);  the environments step while the agent learns from what is stored;
//              store the step
//
//   Learning uses the data up to the previous step, so both halves may overlap and the run still
//   depends only on its config and seed. Counts environment steps (--steps).
//
// - from a dataset (offline): one update a turn. Counts updates (--updates).
//
// - both: offline first, then online for --steps steps. Batches then hold a share of the dataset
//   (0.5: Ball et al. 2023, arXiv:2302.02948), and the agent acts from the first step on: there is
//   no warm-up of random actions. Counts updates, then steps.
struct TransitionTraining : TrainingConfig {
  TransitionTraining() { drive_options.evaluate_every = 25000; }

  DriveOptions drive_options;
  GatheringOptions gathering;
  ReplaySettings replay;
  PriorityOptions priority;
  HindsightOptions hindsight;
  DatasetOptions data;
  bool imitates = false;  // the agent learns from others' actions alone

  static constexpr int64_t kDefaultUpdates = 100000;

  void describe(ConfigFields& fields) override;
  void describe_learning(ConfigFields& fields) override;
  const DriveOptions& drive() const override { return drive_options; }
  const DatasetOptions* dataset() const override { return &data; }
  DatasetOptions* dataset() override { return &data; }
  bool can_resume() const override { return replay.save_replay; }
  int64_t length(const RunConfig& config) const override;

  // Updates on the dataset alone, before anything is gathered; 0 without a dataset.
  int64_t offline_updates() const;

  std::unique_ptr<Trainer> make(const RunConfig& config, const Say& say) const override;
};

}  // namespace reverie
