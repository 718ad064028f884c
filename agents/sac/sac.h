#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "agents/agent.h"
#include "agents/off_policy/options.h"

namespace reverie {

// Soft actor-critic (SAC) for continuous actions, with a learned temperature alpha.
//
//   policy       a = tanh(u),  u ~ N(mean(s), std(s)^2),
//                log pi(a | s) = log N(u) - sum over the action's numbers of log(1 - tanh(u)^2)
//   critics      minimise  sum over i of mean 1/2 (Q_i(s, a) - y)^2,
//                y = r + discount (min over i of Q_i'(s', a') - alpha log pi(a' | s')),  a' ~ pi
//   actor        minimise  mean alpha log pi(a | s) - min over i of Q_i(s, a),  a ~ pi
//   temperature  minimise  mean -log(alpha) (log pi(a | s) + target entropy)
//   targets      theta' <- (1 - tau) theta' + tau theta
//
// Source: Haarnoja et al. 2018, "Soft actor-critic algorithms and applications", arXiv:1812.05905,
// algorithm 1 and equations 5, 7, 9 and 18 (with log(alpha) in place of alpha as the factor, as in
// the authors' code); hyper-parameters of its table 1. The log of the standard deviation is clipped
// to [-20, 2]. Evaluation acts with tanh(mean(s)).
//
// With a prior pi_0, the policy of another run, log(pi / pi_0) stands in the place of log pi
// everywhere, and minus `target_divergence` in that of the target entropy: the policy maximises the
// reward less alpha times its divergence KL(pi, pi_0) from the prior (Wu, Tucker & Nachum 2019,
// arXiv:1911.11361, "value penalty" with the prior in place of the data's policy; Tirumala et al.
// 2020, arXiv:2010.14274). Without a prior pi_0 is uniform. The first steps are the prior's, and if
// it is a policy of this agent with the same sizes, learning begins with its weights.
//
// From pictures with DrQ-v2's networks, see agents/off_policy/state_encoder.h.
struct SacConfig : AgentConfig, ActorCriticOptions, SamplingOptions, PictureOptions {
  double temperature_learning_rate = 3e-4;
  double initial_temperature = 1.0;
  double target_entropy = 0.0;  // [nat] 0 = minus the number of action dimensions
  bool learn_temperature = true;
  PriorRun prior = {};
  double target_divergence = 1.0;  // [nat] with a prior

  void describe(ConfigFields& fields) override;
  PriorRun* prior_run() override { return &prior; }

  // Throws Error for discrete actions.
  std::unique_ptr<Agent> make(const EnvSpec& spec, at::Device device, uint64_t seed) const override;
};

AgentEntry sac_entry();

}  // namespace reverie
