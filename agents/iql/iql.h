#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "agents/agent.h"
#include "agents/off_policy/options.h"
#include "agents/offline/policy_head.h"

namespace reverie {

// Implicit Q-learning (IQL) for continuous actions: values without a policy, by regression on the
// actions of the data alone, and a policy that is extracted from them.
//
//   value    minimise  mean |tau - 1(u < 0)| u^2,  u = min over i of Q_i'(s, a) - V(s)
//   critics  minimise  sum over i of mean (Q_i(s, a) - y)^2,  y = r + discount V(s')
//   policy   by `extraction`, see agents/iql/extraction.h
//   targets  theta' <- (1 - rate) theta' + rate theta
//
// tau is the `expectile` (0.5 is the mean, towards 1 the best action of the data), the rate the
// option `tau`. Values do not depend on the policy: runs of one seed that differ in their
// extraction alone have equal values at every update.
//
// Source: Kostrikov, Nair & Levine 2021, arXiv:2110.06169, equations 5 to 7 and algorithm 1, with
// the order and hyper-parameters of the authors' code for half-cheetah and mazes (V first; then
// policy and critics with the new V): 256 x 256, Adam 3e-4, batch 256, expectile 0.7,
// temperature 3. Differs: the policy's learning rate stays as it is (theirs falls to 0 by a
// cosine).
struct IqlConfig : AgentConfig,
                   ActorCriticOptions,
                   SamplingOptions,
                   DeterministicOptions,
                   PolicyHeadOptions,
                   PictureOptions {
  double expectile = 0.7;
  std::string extraction = "awr";
  double temperature = 3.0;
  double bc_weight = 0.1;

  void describe(ConfigFields& fields) override;
  void describe_acting(ConfigFields& fields) override;

  // Throws Error for discrete actions.
  std::unique_ptr<Agent> make(const EnvSpec& spec, at::Device device, uint64_t seed) const override;
};

AgentEntry iql_entry();

}  // namespace reverie
