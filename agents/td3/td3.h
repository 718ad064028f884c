#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "agents/agent.h"

namespace reverie {

// Twin delayed deep deterministic policy gradient (TD3) for continuous actions.
//
//   target action  a' = clip(mu'(s') + eps),  eps ~ clip(N(0, target_noise^2), -c, c)
//   critics        minimise  sum over i of mean (Q_i(s, a) - y)^2,
//                  y = r + discount min over i of Q_i'(s', a')
//   every d-th update:
//     actor        maximise  mean Q_1(s, mu(s))
//     targets      theta' <- (1 - tau) theta' + tau theta
//
// Source: Fujimoto, van Hoof & Meger 2018, arXiv:1802.09477, algorithm 1, with the hyper-parameters
// of the authors' repository (sfujim/TD3): both networks 256 x 256 with ReLU, Adam 3e-4, batch 256.
struct Td3Config : AgentConfig {
  std::vector<int64_t> hidden_sizes = {256, 256};
  double actor_learning_rate = 3e-4;
  double critic_learning_rate = 3e-4;
  double gamma = 0.99;
  double tau = 0.005;
  int64_t n_step = 1;
  int64_t minibatch = 256;
  double exploration_noise = 0.1;
  double target_noise = 0.2;
  double target_noise_clip = 0.5;
  int64_t policy_delay = 2;
  bool normalize_observation = false;

  void describe(ConfigFields& fields) override;

  // Throws Error for discrete actions.
  std::unique_ptr<Agent> make(const EnvSpec& spec, at::Device device, uint64_t seed) const override;
};

AgentEntry td3_entry();

}  // namespace reverie
