#pragma once

#include <memory>

#include "agents/agent.h"
#include "agents/policy_gradient/policy_gradient.h"

namespace reverie {

// Advantage actor-critic: one gradient step on each short rollout, in one batch.
//
//   loss  mean( - log pi(a | s) A  +  value_coefficient (R - V(s))^2 / 2  -  entropy_coefficient H
//   )
//
// A = R - V of GAE(lambda); with lambda = 1, the default, R is the sum of the rollout's rewards and
// the value of the last observation: the n-step return of Mnih et al. 2016 (arXiv:1602.01783),
// algorithm S3. This is its synchronous form. Source of the defaults: Stable-Baselines3's A2C.
// Differs: Adam instead of RMSprop, 8 environments of 16 steps instead of 5 (with Adam and 5 steps
// the tests' point task is not learnt), annealed rate, observations and rewards standardised.
struct A2cConfig : PolicyGradientConfig {
  double gae_lambda = 1.0;

  A2cConfig();
  void describe(ConfigFields& fields) override;
  std::unique_ptr<Agent> make(const EnvSpec& spec, at::Device device, uint64_t seed) const override;
};

AgentEntry a2c_entry();

}  // namespace reverie
