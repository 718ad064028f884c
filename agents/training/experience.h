#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "agents/run_config.h"
#include "agents/training/options.h"
#include "nn/state_list.h"
#include "replay/replay_buffer.h"

namespace reverie {

// The experience that a world model learns from, and held-out experience from other episodes.
class Experience {
 public:
  virtual ~Experience() = default;

  virtual const ReplayBuffer& training() const = 0;
  virtual const ReplayBuffer& held_out() const = 0;

  // Throws Error(kInput) that names the relevant flags when sequences of that many steps can never
  // be drawn. why: the flags that ask for so many, for the message.
  virtual void check_holds(int64_t steps, std::string_view why) const = 0;

  // Whether there is enough to learn from.
  virtual bool ready() const = 0;

  // Advances by one turn: gathers more, or nothing if everything already exists. Returns the number
  // of environment steps taken, and adds the updates that the turn earns.
  virtual int64_t advance(double& updates) = 0;

  // Training actions, [n, A], to compute statistics from.
  virtual at::Tensor actions() const = 0;

  // Lists everything that still changes.
  virtual void state(StateList& list) = 0;
};

// The episodes of a dataset, split by split_episodes() with the run's seed. A turn earns one
// update. spec: a SpaceAdapter's. Throws Error(kInput) for a dataset without pixels, or whose
// pictures or actions differ from the environment's.
std::unique_ptr<Experience> read_experience(const RunConfig& config,
                                            const ExperienceOptions& options, const EnvSpec& spec);

// Runs ExperienceOptions::gather_policy in num_envs environments and, for held-out data, in a few
// additional ones. A turn is one step of each.
std::unique_ptr<Experience> gather_experience(const RunConfig& config,
                                              const ExperienceOptions& options);

// The one of them that the options ask for. `say` hears of a dataset that is read.
std::unique_ptr<Experience> make_experience(const RunConfig& config,
                                            const ExperienceOptions& options, const EnvSpec& spec,
                                            const TrainingConfig::Say& say);

}  // namespace reverie
