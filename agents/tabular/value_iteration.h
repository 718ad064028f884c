#pragma once

#include <memory>

#include "agents/agent.h"

namespace reverie {

// Value iteration: sweeps over the states of an exact model, in place, until no value changes by
// theta or more.
//
//   V(s) <- max_a sum over s', r of p(s', r | s, a) [r + gamma V(s')]
//
// Terminal states have the value 0, as has every state at first. The policy is greedy in the
// values. With gamma = 1 it ends only where some policy surely comes to a terminal state.
//
// Source: Sutton & Barto 2018, section 4.4; differs: none.
struct ValueIterationConfig : AgentConfig {
  double gamma = 1.0;
  double theta = 1e-9;

  void describe(ConfigFields& fields) override;
  std::unique_ptr<Agent> make(const EnvSpec& spec, at::Device device, uint64_t seed) const override;
};

AgentEntry value_iteration_entry();

}  // namespace reverie
