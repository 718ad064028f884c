#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <ATen/core/TensorBody.h>

#include "agents/agent.h"
#include "core/config.h"
#include "nn/noise_source.h"

namespace reverie {

// Hyper-parameters that several off-policy agents have, each group once. An agent's config is also
// those groups that it has, and lists them in its describe().

// What an update draws from experience.
struct SamplingOptions {
  double gamma = 0.99;
  int64_t n_step = 1;
  int64_t minibatch = 256;

  void describe(ConfigFields& fields);
  SampleRequest request() const;
};

// An actor and critics that are perceptrons.
struct ActorCriticOptions {
  std::vector<int64_t> hidden_sizes = {256, 256};
  double actor_learning_rate = 3e-4;
  double critic_learning_rate = 3e-4;
  double tau = 0.005;
  bool normalize_observation = false;

  void describe(ConfigFields& fields);
};

// How pictures are read, see agents/off_policy/state_encoder.h. No effect where there are none.
struct PictureOptions {
  std::string convolutions = "drq";
  int64_t random_shift = 4;  // [pixels] 0: none
  int64_t feature_size = 50;

  void describe(ConfigFields& fields);
};

// How a deterministic policy acts, a = tanh(u(s)) in training:
//
//   explore    clip(tanh(u(s)) + exploration_noise x, -1, 1);  x has the deviation 1 and is
//              independent from step to step, or correlated (agents/noisy_actor.h)
//   evaluate   tanh(u(s)), or with `action_bound` "clip" clip(u(s), -1, 1). Where a trained policy
//              uses the bounds of its actions, both are nearly the same.
struct DeterministicOptions {
  double exploration_noise = 0.1;
  double noise_correlation = 0.0;
  std::string action_bound = "tanh";

  void describe(ConfigFields& fields);
  void describe_acting(ConfigFields& fields);

  // u(s) of the environments' observations: [N, A]; called without gradient.
  using Policy = std::function<at::Tensor(const TensorMap& obs)>;
  std::unique_ptr<Actor> actor(Policy u, int64_t num_envs, const Acting& acting,
                               uint64_t seed) const;
};

// The loss of an actor that raises its value and stays near given actions, both terms of order 1
// (Fujimoto & Gu 2021, arXiv:2106.06860, equations 3 and 4):
//
//   -mean q / mean |q| + weight distance,   mean |q| without gradient
//
// and  -mean q  with the weight 0. q: the values of the actor's actions [...]; distance: a scalar.
at::Tensor imitating_loss(const at::Tensor& q, double weight, const at::Tensor& distance);

// Learning from a dataset without leaving it: the actor of TD3 or TD7 also imitates the data by
// imitating_loss(), with the distance  mean |mu(s) - a|^2,  a mean over the numbers of an action
// or, with `bc_distance` "sum", their sum. The alpha of 2.5 of TD3+BC is a weight of 1 / 2.5.
struct CloningOptions {
  double bc_weight = 0.0;
  std::string bc_distance = "mean";

  void describe(ConfigFields& fields);

  // q: Q(s, mu(s)) [...]; mu: mu(s), a: the data's actions, [B, A].
  at::Tensor actor_loss(const at::Tensor& q, const at::Tensor& mu, const at::Tensor& a) const;
};

// Target policy smoothing (Fujimoto et al. 2018, section 5.3).
struct SmoothingOptions {
  double target_noise = 0.2;
  double target_noise_clip = 0.5;

  void describe(ConfigFields& fields);

  // clip(a + clip(target_noise N(0, 1), -target_noise_clip, target_noise_clip), -1, 1)
  at::Tensor smoothed(const at::Tensor& a, const NoiseSource& noise) const;
};

}  // namespace reverie
