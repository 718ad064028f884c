#pragma once

#include <memory>

#include "agents/agent.h"
#include "envs/finite_mdp.h"

namespace reverie {

// Policy iteration in an exact model, beginning with the policy that takes every action with the
// same probability:
//
//   evaluation   V(s) <- sum_a pi(a | s) sum over s', r of p(s', r | s, a) [r + gamma V(s')]
//                sweeps, in place, until no value changes by theta or more
//   improvement  pi(s) <- argmax_a sum over s', r of p(s', r | s, a) [r + gamma V(s')]
//                solved when no action changes
//
// It acts by the last improvement; before the first one all values are equal.
//
// Source: Sutton & Barto 2018, sections 4.1 and 4.3. Differs: an action changes only where another
// one is better by more than theta, so that policies of equal value do not alternate for ever
// (exercise 4.4). The first policy reaches every terminal state that can be reached, so gamma = 1
// is allowed where all states have a way to one; "always up" would never end.
struct PolicyIterationConfig : AgentConfig {
  double gamma = 1.0;
  double theta = 1e-9;

  void describe(ConfigFields& fields) override;
  std::unique_ptr<Agent> make(const EnvSpec& spec, at::Device device, uint64_t seed) const override;
};

// One sweep of iterative policy evaluation, in place (Sutton & Barto 2018, equation 4.5). policy:
// [S A] probabilities; v: [S]. Returns the greatest change of a value.
double evaluation_sweep(const FiniteMdp& mdp, const double* policy, double gamma, double* v);

AgentEntry policy_iteration_entry();

}  // namespace reverie
