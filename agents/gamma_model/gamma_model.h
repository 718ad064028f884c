#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "agents/agent.h"

namespace reverie {

// A gamma-model for continuous actions: a generative model of where the policy of a dataset will be
// after s and a, at a step drawn from a geometric distribution,
//
//   G(x | s, a) = (1 - gamma) sum over t >= 0 of gamma^t P(s_{t+1} = x | s, a).
//
// It learns by bootstrapping, without rollouts: with a' the data's action at s',
//
//   maximise  mean log G(x | s, a),   x = s' with probability 1 - gamma, else drawn from
//                                     G'(. | s', a');   G' <- (1 - tau) G' + tau G
//
// G is a mixture of Gaussians (nn/gaussian_mixture.h). gamma = 0 is an ordinary model of one step.
// The values of any reward r of states follow by drawing from it,
//
//   Q(s, a) = 1 / (1 - gamma) mean over x ~ G(. | s, a) of r(x),
//
// with r learnt by regression from the data's rewards on next states. Evaluation takes the best of
// `candidates` uniform actions: one step of policy improvement over the data's policy.
//
// A terminal state counts as one that is never left. A transition without a' (the last one of a
// truncated episode) is left out.
//
// Source: Janner, Mordatch & Levine 2020, arXiv:2010.14496, equations 3 and 6 and algorithm 1.
// Differs: a mixture of Gaussians instead of a GAN or a flow.
struct GammaModelConfig : AgentConfig {
  int64_t mixtures = 16;
  std::vector<int64_t> hidden_sizes = {256, 256};
  double learning_rate = 3e-4;
  double gamma = 0.95;
  double tau = 0.005;
  int64_t minibatch = 256;
  int64_t candidates = 32;
  int64_t samples = 32;
  bool normalize_observation = true;

  void describe(ConfigFields& fields) override;
  void describe_acting(ConfigFields& fields) override;

  // Throws Error for discrete actions, for an environment without floating-point fields, and for a
  // gamma of 1.
  std::unique_ptr<Agent> make(const EnvSpec& spec, at::Device device, uint64_t seed) const override;
};

AgentEntry gamma_model_entry();

// What an agent also is if it can draw future states.
class FutureStates {
 public:
  virtual ~FutureStates() = default;

  // `count` states x of G(. | s, a) for each state and action, as the numbers of the floating-point
  // fields of the observation, joined, in the environment's units: [N, count, D] on the CPU.
  // action: [N, A] in [-1, 1].
  virtual at::Tensor draw_future(const TensorMap& obs, const at::Tensor& action, int64_t count,
                                 uint64_t seed) const = 0;
};

}  // namespace reverie
