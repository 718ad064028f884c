#pragma once

#include "agents/tabular/td_control.h"

namespace reverie {

// Q-learning: off-policy temporal-difference control. After each step S, A, R, S'
//
//   Q(S, A) <- Q(S, A) + alpha [R + gamma max_a Q(S', a) - Q(S, A)]
//
// Q of a terminal S' is 0; at a time limit S' keeps its value. Acts epsilon-greedily.
//
// Source: Sutton & Barto 2018, section 6.5 (Watkins 1989). Differs: ties between best actions are
// broken at random in training, and by order in evaluation.
struct QLearningConfig : AgentConfig {
  TdControlOptions options;

  void describe(ConfigFields& fields) override { options.describe(fields); }
  std::unique_ptr<Agent> make(const EnvSpec& spec, at::Device device, uint64_t seed) const override;
};

AgentEntry q_learning_entry();

}  // namespace reverie
