#pragma once

#include <string>

#include "agents/tabular/td_control.h"
#include "envs/finite_mdp.h"

namespace reverie {

// The successor representation with a table: M(s, a, x) is the expected discounted number of visits
// to x after s and a, and w(x) the mean reward of arriving at x. The action values of any reward
// are then  Q(s, a) = sum over x of M(s, a, x) w(x).  After S, A, R, S'
//
//   M(S, A, .) <- M(S, A, .) + alpha [1(S') + gamma M(S', A', .) - M(S, A, .)]
//   w(S')      <- w(S') + (R - w(S')) / visits of S'
//
// A' is the best action of Q at S' (`successor_policy` "greedy"), or the average over all actions
// ("uniform": the representation of a random walk). All terminal states count as one, "the end",
// whose M is 0.
//
// Source: Dayan 1993, "Improving generalization for temporal difference learning: the successor
// representation". Differs: counts visits from the next state on, so that M of actions is defined,
// and improves the policy while it learns.
struct SuccessorConfig : AgentConfig {
  TdControlOptions options;
  std::string successor_policy = "greedy";

  SuccessorConfig() { options.gamma = 0.95; }

  void describe(ConfigFields& fields) override;

  // Throws Error as FiniteSpaces does, for a gamma of 1, with which visits are endless, and for
  // initial values, because values follow from visits that begin at 0.
  std::unique_ptr<Agent> make(const EnvSpec& spec, at::Device device, uint64_t seed) const override;
};

AgentEntry successor_entry();

// An agent that keeps M.
class SuccessorTable {
 public:
  virtual ~SuccessorTable() = default;
  virtual const at::Tensor& visits() const = 0;  // M: [S, A, S + 1] float64, the end last
};

// The exact M of a policy, in closed form:
//
//   M = (I - gamma P)^-1 P,   P(s, x) = sum over a of pi(a | s) p(x | s, a)
//
// policy: [S, A] float64. gamma: [0, 1). Returns [S, S] float64; rows of terminal states are 0.
at::Tensor exact_successors(const FiniteMdp& mdp, const at::Tensor& policy, double gamma);

}  // namespace reverie
