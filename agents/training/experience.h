#pragma once

#include <cstdint>
#include <memory>

#include "agents/run_config.h"
#include "agents/training/world_model_trainer.h"
#include "nn/state_list.h"
#include "replay/replay_buffer.h"

namespace reverie {

// What a world model learns from, and what it is held against: experience of other episodes.
class Experience {
 public:
  virtual ~Experience() = default;

  virtual const ReplayBuffer& training() const = 0;
  virtual const ReplayBuffer& held_out() const = 0;

  // Throws Error(kInput), with the flags that decide, where sequences of so many steps can be drawn
  // neither now nor ever.
  virtual void check_holds(int64_t steps) const = 0;

  // Whether there is enough to learn from.
  virtual bool ready() const = 0;

  // Goes on for one turn: gathers more, or nothing where all already exists. Returns the steps of
  // the environments that this was, and adds the updates that the turn earns.
  virtual int64_t advance(double& updates) = 0;

  // Actions that are learnt from, [n, A], to take statistics of.
  virtual at::Tensor actions() const = 0;

  // All that goes on changing.
  virtual void state(StateList& list) = 0;
};

// The episodes of a dataset, split by split_episodes() with the run's seed. A turn earns one
// update. spec: a SpaceAdapter's. Throws Error(kInput) for a dataset without pixels, or whose
// pictures or actions are not the environment's.
std::unique_ptr<Experience> read_experience(const RunConfig& config,
                                            const WorldModelTraining& training,
                                            const EnvSpec& spec);

// What WorldModelTraining::gather_policy does in num_envs environments and, held out, in a few more
// beside them. A turn is one step of each.
std::unique_ptr<Experience> gather_experience(const RunConfig& config,
                                              const WorldModelTraining& training);

}  // namespace reverie
