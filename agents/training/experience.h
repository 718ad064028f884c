#pragma once

#include <cstdint>
#include <memory>

#include "agents/run_config.h"
#include "nn/checkpoint.h"
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

  // Goes on for one turn of the loop: gathers more, or nothing where all is there already. Returns
  // the steps of the run that this was, and adds the updates that they earn.
  virtual int64_t advance(double& updates) = 0;

  // Actions that are learnt from, [n, A], to take statistics of.
  virtual at::Tensor actions() const = 0;

  // All that goes on changing. load() takes what save() wrote and throws Error for anything else.
  virtual void save(Checkpoint& checkpoint) const = 0;
  virtual void load(const Checkpoint& saved) = 0;
};

// The episodes of `training.dataset`, split by split_episodes() with the run's seed. A turn is one
// step and one update. Throws Error(kInput) for a dataset without pixels, or whose pictures or
// actions are not the environment's.
std::unique_ptr<Experience> read_experience(const RunConfig& config, const EnvSpec& spec);

// Uniformly random actions in num_envs environments and, held out, in a few more beside them. A
// turn is one step of each.
std::unique_ptr<Experience> gather_experience(const RunConfig& config);

}  // namespace reverie
