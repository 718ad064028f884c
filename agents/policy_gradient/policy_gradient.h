#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/TensorBody.h>

#include "agents/agent.h"
#include "agents/observation_features.h"
#include "nn/adam.h"
#include "nn/distributions.h"
#include "nn/layers.h"
#include "nn/noise_source.h"
#include "nn/parameters.h"
#include "replay/rollout.h"

namespace reverie {

// What reinforce, a2c and ppo have in common: a stochastic policy pi(a | s) and a value function
// V(s) that learn from rollouts, each in its update(). Letters: T steps of N environments, B = T N.

// Defaults are ppo's.
struct PolicyGradientConfig : AgentConfig {
  std::vector<int64_t> hidden_sizes = {64, 64};  // of policy and value function, each its own
  std::string distribution = "gaussian";         // of continuous actions
  double initial_log_std = 0.0;
  double learning_rate = 3e-4;
  bool anneal_learning_rate = true;
  double gamma = 0.99;
  int64_t rollout_steps = 256;
  double value_coefficient = 0.5;
  double entropy_coefficient = 0.0;
  double max_gradient_norm = 0.5;
  bool normalize_advantage = true;
  bool normalize_observation = true;

  void describe(ConfigFields& fields) override;
};

// Policy and value function: two perceptrons with tanh, weights orthogonal with gain sqrt(2), the
// policy's last layer with 0.01, the value's with 1, biases 0 (CleanRL's ppo_continuous_action.py;
// Huang et al. 2022, "The 37 implementation details of proximal policy optimization").
//
// The policy is
//   gaussian     N(mu(s), sigma^2), sigma a parameter that no state changes; an action is the draw
//                clipped to [-1, 1], but the density is that of the draw
//   beta         Beta(alpha(s), beta(s)), both 1 + softplus: one hill within the bounds (Chou,
//                Maturana & Scherer 2017); an action is 2 x - 1
//   categorical  of discrete actions
class ActorCritic {
 public:
  // Throws Error(kInput) for an action that is no vector of numbers, and for "beta" where actions
  // are discrete.
  ActorCritic(const EnvSpec& spec, const PolicyGradientConfig& config, Rng& rng, at::Device device);

  // s: [B, D] features.
  std::unique_ptr<Distribution> policy(const at::Tensor& s) const;
  at::Tensor value(const at::Tensor& s) const;  // [B]

  // What the environments are to do of a draw of the policy: [B, A] in [-1, 1], or [B] int64.
  at::Tensor action(const at::Tensor& draw) const;

  // A draw, as a field that a rollout keeps.
  const Field& draw_field() const { return draw_field_; }

  Parameters& parameters() { return parameters_; }

 private:
  enum class Kind : uint8_t { kGaussian, kBeta, kCategorical };

  static Kind kind_of(const EnvSpec& spec, const PolicyGradientConfig& config);

  Kind kind_;
  Field draw_field_;
  Parameters parameters_;  // "policy.0.weight", ..., "value.0.weight", ..., "log_std"
  std::vector<Linear> policy_, value_;
  at::Tensor log_std_;  // [A], of a Gaussian
};

// Rows of a rollout, all [B, ...] without gradient.
struct RolloutRows {
  at::Tensor s;         // [B, D] features
  at::Tensor draw;      // the policy's
  at::Tensor log_prob;  // log pi(draw | s) while it was gathered
  at::Tensor value;     // V(s) at the beginning of the update
  at::Tensor advantage, returns;

  RolloutRows select(const at::Tensor& rows) const;  // [n] int64
};

// The parts that are the same for every such agent. Observations are standardised by statistics
// that move between two rollouts, so that within one the policy is a function of its weights.
class PolicyGradientAgent : public RolloutAgent {
 public:
  PolicyGradientAgent(const EnvSpec& spec, const PolicyGradientConfig& config, at::Device device,
                      uint64_t seed);

  std::unique_ptr<Actor> actor(int64_t num_envs, const Acting& acting, uint64_t seed) final;
  std::vector<Field> extra_fields() const final;
  RolloutRequest request() const final;
  Learned update(const Rollout& rollout, double progress, Rng& rng) final;
  void state(StateList& list) final;

  const ActorCritic& networks() const { return networks_; }
  const ObservationFeatures& features() const { return features_; }
  at::Device device() const { return features_.device(); }

 protected:
  // The update rule. s: [B, D], the rollout's features.
  virtual TensorMap learn(const Rollout& rollout, const at::Tensor& s, Rng& rng) = 0;

  // What a rollout says of its steps, by GAE(lambda); V is that of now.
  RolloutRows evaluate(const Rollout& rollout, const at::Tensor& s, double lambda) const;

  // Adam's step down the gradient of `loss`, whose norm is limited. skip: as Adam::step() has it.
  // Returns the norm before.
  at::Tensor descend(const at::Tensor& loss, const at::Tensor& skip = {});

  // Less its mean, divided by its standard deviation, where the config says so.
  at::Tensor normalized(const at::Tensor& advantage) const;

  // The share of the variance of the returns that the value function explains, at most 1.
  static at::Tensor explained_variance(const RolloutRows& rows);

 private:
  PolicyGradientAgent(const EnvSpec& spec, const PolicyGradientConfig& config, at::Device device,
                      Rng rng);

  const double learning_rate_, gamma_, max_gradient_norm_;
  const bool anneals_, normalizes_advantage_;
  const int64_t rollout_steps_;
  ObservationFeatures features_;
  ActorCritic networks_;
  Adam optimizer_;
};

}  // namespace reverie
