#pragma once

#include <memory>

#include "agents/agent.h"
#include "agents/policy_gradient/policy_gradient.h"

namespace reverie {

// REINFORCE: the gradient of the expected return from returns-to-go,
//
//   grad J = E[ sum_t grad log pi(a_t | s_t) (G_t - b(s_t)) ],   G_t = r_t + gamma r_t+1 + ...
//
// with one gradient step per rollout. Source: Williams 1992, "Simple statistical gradient-following
// algorithms"; Sutton & Barto 2018, section 13.4. Differs: no factor gamma^t, a mean over steps
// instead of a sum over episodes, Adam, an entropy term.
//
// With the baseline b = V, learnt by (G - V)^2, V of the last observation replaces the rewards that
// a time limit or the end of the rollout cuts off. Without it, b = 0 and nothing replaces them: a
// time limit counts as the end, and only steps whose episode ends within the rollout are learnt
// from, so --rollout-steps should cover several episodes.
struct ReinforceConfig : PolicyGradientConfig {
  bool baseline = true;

  ReinforceConfig();
  void describe(ConfigFields& fields) override;
  std::unique_ptr<Agent> make(const EnvSpec& spec, at::Device device, uint64_t seed) const override;
};

AgentEntry reinforce_entry();

}  // namespace reverie
