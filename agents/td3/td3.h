#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "agents/agent.h"
#include "agents/off_policy/options.h"

namespace reverie {

// Twin delayed deep deterministic policy gradient (TD3) for continuous actions.
//
//   target action  a' = clip(mu'(s') + eps),  eps ~ clip(N(0, target_noise^2), -c, c)
//   critics        minimise  sum over i of mean (Q_i(s, a) - y)^2,
//                  y = r + discount (min over i of Q_i'(s', a') - critic_bc_weight |a' - a+|^2),
//                  a+ the data's action at s'; without one there is no such penalty
//   every d-th update:
//     actor        maximise  mean Q_1(s, mu(s)), or with `actor_value` "least" the mean of
//                  min over i of Q_i(s, mu(s)); with `bc_weight` it also imitates the data
//                  (CloningOptions): TD3+BC
//     targets      theta' <- (1 - tau) theta' + tau theta
//
// Source: Fujimoto, van Hoof & Meger 2018, arXiv:1802.09477, algorithm 1, with the hyper-parameters
// of the authors' repository (sfujim/TD3): both networks 256 x 256 with ReLU, Adam 3e-4, batch 256.
//
// From pictures with DrQ-v2's networks, see agents/off_policy/state_encoder.h.
struct Td3Config : AgentConfig,
                   ActorCriticOptions,
                   SamplingOptions,
                   DeterministicOptions,
                   SmoothingOptions,
                   CloningOptions,
                   PictureOptions {
  int64_t policy_delay = 2;
  std::string actor_value = "first";
  double critic_bc_weight = 0.0;
  bool layer_norm = false;

  void describe(ConfigFields& fields) override;
  void describe_acting(ConfigFields& fields) override;

  // Throws Error for discrete actions.
  std::unique_ptr<Agent> make(const EnvSpec& spec, at::Device device, uint64_t seed) const override;
};

AgentEntry td3_entry();

// TD3+BC (Fujimoto & Gu 2021, arXiv:2106.06860): TD3 with `bc_weight` 0.4, their alpha of 2.5, and
// standardised observations. Learns from a dataset.
AgentEntry td3_bc_entry();

// ReBRAC (Tarasov et al. 2023, arXiv:2305.09836): TD3+BC with weights of its own for actor and
// critics, layer norms in the critics and a third layer; by default those that its authors chose
// for maze2d. Learns from a dataset.
AgentEntry rebrac_entry();

}  // namespace reverie
