#pragma once

#include <memory>

#include "agents/training/trainer.h"

namespace reverie {

// Trains an agent on-policy, from its own policy's latest steps in N environments:
//
//   repeat:  T times: a = actor(obs); the environments step
//            the agent learns from the T N steps, which are then discarded
//
// A turn is a rollout, so checkpoints, evaluations and log rows fall between two rollouts, and a
// run ends with the first rollout that reaches --steps. Counts environment steps; an update is one
// rollout's.
struct RolloutTraining : TrainingConfig {
  RolloutTraining() { drive_options.evaluate_every = 25000; }

  int64_t num_envs = 8;
  TrainingLimits limits = {};
  bool normalize_reward = true;  // as RunningRewardScale does
  DriveOptions drive_options;

  void describe(ConfigFields& fields) override;
  const DriveOptions& drive() const override { return drive_options; }
  bool can_resume() const override { return true; }
  int64_t length(const RunConfig& config) const override;
  std::unique_ptr<Trainer> make(const RunConfig& config, const Say& say) const override;
};

}  // namespace reverie
