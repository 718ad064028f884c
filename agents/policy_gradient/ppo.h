#pragma once

#include <cstdint>
#include <memory>

#include "agents/agent.h"
#include "agents/policy_gradient/policy_gradient.h"

namespace reverie {

// Proximal policy optimisation, for continuous and discrete actions.
//
//   ratio     r = pi(a | s) / pi_old(a | s)
//   policy    maximise  mean min(r A, clip(r, 1 - eps, 1 + eps) A)                       (eq. 7)
//   value     minimise  1/2 mean max((V - R)^2, (clip(V, V_old - eps, V_old + eps) - R)^2)
//   loss      - policy + value_coefficient value - entropy_coefficient entropy           (eq. 9)
//
// for several epochs over the rollout, in minibatches; A from GAE(lambda), R = A + V_old, A
// standardised in every minibatch. With a target KL the epochs end once the mean over an epoch of
// (r - 1) - log r, an estimate of KL(pi_old, pi) (Schulman 2020, "Approximating KL divergence"), is
// above it. Nothing waits for that number: the remaining steps are computed but not applied.
//
// With a memory, minibatches hold sequences of consecutive steps instead of single ones. A sequence
// begins with the memory that was gathered there, forgets it where an episode begins, and gradients
// go back to its first step (Huang et al. 2022, section "LSTM implementation details"; they keep
// sequences as long as the rollout). So every ratio is 1 before the first step. Later steps of the
// same rollout begin with memories that older weights made.
//
// Source: Schulman et al. 2017, arXiv:1707.06347, algorithm 1; details and defaults of CleanRL's
// ppo_continuous_action.py. Differs: 8 environments of 256 steps instead of 1 of 2048; statistics
// of observations and rewards change only between rollouts, and observations are clipped to 10
// standard deviations; evaluation uses the distribution's mean; the epoch's mean KL, not that of
// its last minibatch, ends the epochs.
struct PpoConfig : PolicyGradientConfig {
  double gae_lambda = 0.95;
  int64_t epochs = 10;
  int64_t minibatch = 64;        // steps; slightly more if it does not divide the rollout
  int64_t sequence_length = 32;  // divides rollout_steps and is at most minibatch; with a memory
  double clip = 0.2;
  bool clip_value = true;
  double target_kl = 0.0;  // 0 = none

  void describe(ConfigFields& fields) override;
  std::unique_ptr<Agent> make(const EnvSpec& spec, at::Device device, uint64_t seed) const override;
};

AgentEntry ppo_entry();

}  // namespace reverie
