#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "envs/env.h"
#include "envs/env_lane.h"

namespace reverie {

// Plays recorded actions in one environment, to show, score or check an episode again.
class ActionPlayer {
 public:
  // The environment must outlive it and needs a reset() first.
  explicit ActionPlayer(Env& env);

  void reset(uint64_t seed);

  // Takes one action, [numel], converted to the environment's dtype. Throws Error as
  // write_numbers() and Env::step() do.
  StepResult step(std::span<const double> action);

  // Takes one action of the environment's dtype.
  StepResult step(ConstFieldView action);

  // The observation of the last reset() or step(); PhysicsState::observe() may write here too.
  FieldViews observation() const { return obs_.row(0); }

  const Field& action() const { return action_; }
  bool ended() const { return ended_; }  // by the last step

 private:
  Env& env_;
  FieldRows obs_;
  Field action_;
  std::vector<std::byte> action_bytes_;
  bool ended_ = false;
};

}  // namespace reverie
