#pragma once

#include <memory>
#include <string>

#include "agents/preferences/reward_model.h"
#include "core/action_scale.h"
#include "datasets/dataset.h"
#include "runs/load_policy.h"

namespace reverie {

// The rewards that a run of a reward model gives to recorded steps.
class LearntReward {
 public:
  // Throws Error(kInput) as load_policy() does and for another kind of agent.
  explicit LearntReward(const std::string& run);

  const LoadedPolicy& loaded() const { return loaded_; }

  // Replaces the rewards of an episode. Throws Error(kInput) when the dataset lacks a field or its
  // actions are of another size.
  void relabel(const DatasetSchema& schema, EpisodeData& episode) const;

 private:
  LoadedPolicy loaded_;
  const RewardAgent* agent_;
  ActionScale scale_;
};

}  // namespace reverie
