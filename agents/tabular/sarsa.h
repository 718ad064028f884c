#pragma once

#include "agents/tabular/td_control.h"

namespace reverie {

// SARSA: on-policy temporal-difference control. After S, A, R, S' and the next action A'
//
//   Q(S, A) <- Q(S, A) + alpha [R + gamma Q(S', A') - Q(S, A)]
//
// Q of a terminal S' is 0. At a time limit S' keeps its value, and A' is drawn from the same
// epsilon-greedy policy although nobody takes it. Acts epsilon-greedily.
//
// As in the book, A' is chosen before Q(S, A) changes: a step waits for the action of the next one.
//
// Source: Sutton & Barto 2018, section 6.4. Differs: ties as in Q-learning.
struct SarsaConfig : AgentConfig {
  TdControlOptions options;

  void describe(ConfigFields& fields) override { options.describe(fields); }
  std::unique_ptr<Agent> make(const EnvSpec& spec, at::Device device, uint64_t seed) const override;
};

AgentEntry sarsa_entry();

}  // namespace reverie
