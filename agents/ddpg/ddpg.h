#pragma once

#include <cstdint>
#include <memory>

#include "agents/agent.h"
#include "agents/off_policy/options.h"

namespace reverie {

// Deep deterministic policy gradient for continuous actions.
//
//   critic:  minimise  mean (Q(s, a) - y)^2,   y = r + discount Q'(s', mu'(s'))
//   actor:   maximise  mean Q(s, mu(s)),       mu(s) = tanh(...) within the action bounds
//   targets: theta' <- (1 - tau) theta' + tau theta
//
// Source: Lillicrap et al. 2016, "Continuous control with deep reinforcement learning",
// algorithm 1. Differs: Gaussian instead of Ornstein-Uhlenbeck exploration noise (as Fujimoto et
// al. 2018), no weight decay, actions enter the critic at its first layer.
//
// normalized_trunk gives actor and critic the first layer of DrQ-v2's (Yarats et al. 2021) and
// URLB's agents, see MlpOptions: its width is hidden_sizes[0], as in url_benchmark's agent/ddpg.py
// @710c3eb for states. Off, the networks are those of the paper.
//
// From pictures (agents/off_policy/state_encoder.h) both have a trunk of feature_size numbers
// instead, as url_benchmark's for pixels.
struct DdpgConfig : AgentConfig,
                    ActorCriticOptions,
                    SamplingOptions,
                    DeterministicOptions,
                    PictureOptions {
  bool normalized_trunk = false;

  void describe(ConfigFields& fields) override;
  void describe_acting(ConfigFields& fields) override;

  // Throws Error for discrete actions, and for a normalised trunk without a hidden layer.
  std::unique_ptr<Agent> make(const EnvSpec& spec, at::Device device, uint64_t seed) const override;
};

// The same agent with its concrete type.
std::unique_ptr<TransitionAgent> make_ddpg(const EnvSpec& spec, const DdpgConfig& config,
                                           at::Device device, uint64_t seed);

AgentEntry ddpg_entry();

}  // namespace reverie
