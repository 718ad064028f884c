#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "agents/agent.h"
#include "agents/observation_encoder.h"
#include "agents/off_policy/options.h"

namespace reverie {

// Deep Q-networks for discrete actions, from vectors and pictures.
//
//   loss  mean huber(Q(s, a) - y),   y = r + discount Q'(s', a*)
//   a*    argmax_a Q'(s', a), or of double Q-learning argmax_a Q(s', a)
//
// Source: Mnih et al. 2015, algorithm 1; van Hasselt et al. 2016 (double_q); Wang et al. 2016,
// equation 9 (dueling: Q = V + A - mean A, two streams of hidden layers). Priorities and n-step
// returns are the trainer's --priority-exponent and --n-step. Differs: Adam instead of RMSprop.
//
// `distribution` learns the distribution of returns Z instead of its mean:
//
//   c51       `atoms` values z_i on [value_min, value_max] with probabilities p_i(s, a); cross
//             entropy with the projection of r + discount z'     (Bellemare et al. 2017, algorithm
//             1)
//   quantile  `atoms` quantiles at (i + 1/2) / atoms; quantile Huber loss, threshold 1
//             (Dabney et al. 2018, equation 10)
//
// To explore, a random action is taken with probability epsilon, which falls linearly from
// epsilon_start to epsilon_end over the first epsilon_steps steps after the random ones of
// learning_starts. Evaluation takes the best action.
struct DqnConfig : AgentConfig, SamplingOptions {
  DqnConfig() { minibatch = 32; }

  std::vector<int64_t> hidden_sizes = {128, 128};
  EncoderOptions encoder;
  bool double_q = true;
  bool dueling = false;
  std::string distribution = "none";
  int64_t atoms = 51;
  double value_min = -10.0;
  double value_max = 10.0;
  double learning_rate = 1e-4;
  double max_gradient_norm = 10.0;
  int64_t target_every = 1000;
  double epsilon_start = 1.0;
  double epsilon_end = 0.05;
  int64_t epsilon_steps = 100000;

  void describe(ConfigFields& fields) override;

  // Throws Error for continuous actions, and unless value_min is below value_max.
  std::unique_ptr<Agent> make(const EnvSpec& spec, at::Device device, uint64_t seed) const override;
};

AgentEntry dqn_entry();

}  // namespace reverie
