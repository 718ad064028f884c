#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/TensorBody.h>

#include "agents/agent.h"
#include "agents/observation_encoder.h"
#include "nn/adam.h"
#include "nn/distributions.h"
#include "nn/layers.h"
#include "nn/noise_source.h"
#include "nn/parameters.h"
#include "nn/recurrent.h"
#include "replay/rollout.h"

namespace reverie {

// The common part of reinforce, a2c and ppo: a stochastic policy pi(a | s) and a value function
// V(s) that learn from rollouts. The agents differ in update(). Letters: T steps of N environments,
// B = T N, M numbers that a recurrent layer remembers.

// Defaults are ppo's.
struct PolicyGradientConfig : AgentConfig {
  std::vector<int64_t> hidden_sizes = {64, 64};  // of policy and value function separately
  std::vector<int64_t> shared_sizes = {};        // of both together, before these
  std::string activation = "tanh";
  std::string convolutions = "nature";
  std::string memory = "none";            // or "lstm", "gru"
  int64_t memory_size = 128;              // H: outputs of the recurrent layer
  std::string distribution = "gaussian";  // of continuous actions
  double initial_log_std = 0.0;
  double learning_rate = 3e-4;
  bool anneal_learning_rate = true;
  double gamma = 0.99;
  int64_t rollout_steps = 256;
  double value_coefficient = 0.5;
  double entropy_coefficient = 0.0;
  bool anneal_entropy = false;  // that weight falls linearly to 0 over the run
  double max_gradient_norm = 0.5;
  bool normalize_advantage = true;
  bool normalize_observation = true;
  PriorRun prior = {};
  double kl_coefficient = 0.1;  // with a prior
  bool deterministic_evaluation = true;

  void describe(ConfigFields& fields) override;
  void describe_acting(ConfigFields& fields) override;
  PriorRun* prior_run() override { return &prior; }
};

// Rows of a rollout, all [B, ...] without gradient: sequences of consecutive steps of one
// environment each. Row l n + i is step l of sequence i, of n. The rows of a whole rollout are
// N sequences of T steps.
struct RolloutRows {
  int64_t length = 1;   // steps of each sequence
  TensorMap s;          // observations that the encoder has prepared
  at::Tensor started;   // bool: the first step of an episode
  at::Tensor memory;    // [B, M] the memory before the step when it was gathered
  at::Tensor draw;      // the policy's
  at::Tensor log_prob;  // log pi(draw | s) when it was gathered
  at::Tensor value;     // V(s) at the beginning of the update
  at::Tensor advantage, returns;

  // The sequences whose rows are `rows`: [count, length] int64.
  RolloutRows select(const at::Tensor& sequences) const;
};

// Policy and value function: two perceptrons with tanh, weights orthogonal with gain sqrt(2), the
// policy's last layer with 0.01, the value's with 1, biases 0 (CleanRL's ppo_continuous_action.py;
// Huang et al. 2022, "The 37 implementation details of proximal policy optimization"). Both read
// the same convolutions of pictures, if there are any, the same layers of `shared_sizes` (as wide
// as 512 behind the convolutions in Mnih et al. 2015 and CleanRL's ppo_atari.py), and the same
// memory, if there is one: an LSTM or GRU that the encoded observations pass through, weights
// orthogonal with gain 1, biases 0 (CleanRL's ppo_atari_lstm.py; Huang et al. 2022, section "LSTM
// implementation details"). An episode begins with a memory of 0.
//
// The policy is
//   gaussian     N(mu(s), sigma^2), sigma a parameter independent of s; an action is the sample
//                clipped to [-1, 1], but the density is that of the draw
//   beta         Beta(alpha(s), beta(s)), both 1 + softplus: one hill within the bounds (Chou,
//                Maturana & Scherer 2017); an action is 2 x - 1
//   categorical  of discrete actions
class ActorCritic {
 public:
  // Throws Error(kInput) for an action that is not a vector of numbers, and for "beta" with
  // discrete actions.
  ActorCritic(const EnvSpec& spec, const PolicyGradientConfig& config, Rng& rng, at::Device device);

  // M: the size of the recurrent layer's state; 0 without one.
  int64_t recurrent_size() const { return memory_ ? memory_->state_size() : 0; }

  // One step: x [B, F] of prepared observations and the memory [B, M] before it, and the memory
  // after it.
  struct Step {
    at::Tensor x, memory;
  };
  Step step(const TensorMap& prepared, const at::Tensor& memory) const;

  // x [B, F] of sequences, each with the memory that was gathered before its first step. Gradients
  // go back in time to the beginning of the sequence or of the episode.
  at::Tensor sequences(const RolloutRows& rows) const;

  // Both read x.
  std::unique_ptr<Distribution> policy(const at::Tensor& x) const;
  at::Tensor value(const at::Tensor& x) const;  // [B]

  // Converts a sample of the policy to the environments' action: [B, A] in [-1, 1], or [B] int64.
  at::Tensor action(const at::Tensor& draw) const;

  // The same before it is clipped, and log |d action / d draw| summed over the A numbers.
  at::Tensor unclipped_action(const at::Tensor& draw) const;
  double log_scale() const;
  bool draws_beyond_bounds() const { return kind_ == Kind::kGaussian; }

  // log density of actions given x: [B].
  at::Tensor log_prob(const at::Tensor& x, const at::Tensor& action) const;

  // A sample, as a field that a rollout stores.
  const Field& draw_field() const { return draw_field_; }

  ObservationEncoder& encoder() { return encoder_; }
  const ObservationEncoder& encoder() const { return encoder_; }

  // The blocks of its weights.
  std::vector<Parameters*> parameters();

  void state(StateList& list);

 private:
  enum class Kind : uint8_t { kGaussian, kBeta, kCategorical };

  static Kind kind_of(const EnvSpec& spec, const PolicyGradientConfig& config);

  // What the memory reads, or without one the two perceptrons.
  at::Tensor features(const TensorMap& prepared) const;

  at::Tensor activated(const at::Tensor& x) const;
  at::Tensor forward(const std::vector<Linear>& layers, at::Tensor x) const;

  Kind kind_;
  bool relu_;
  Field draw_field_;
  ObservationEncoder encoder_;
  // "shared.0.weight", ..., "policy.0.weight", ..., "value.0.weight", ..., "log_std",
  // "memory.weight_ih_l0", ...
  Parameters parameters_;
  std::vector<Linear> shared_, policy_, value_;
  at::Tensor log_std_;  // [A], of a Gaussian
  std::optional<RecurrentLayer> memory_;
};

// The parts common to all such agents. Observations are standardised by statistics that change only
// between rollouts, so within one rollout the policy depends only on its weights.
//
// With a prior pi_0, the policy of another run, each step's reward is
//
//   r - kl_coefficient (log pi(a | s) - log pi_0(a | s))
//
// whose expectation is the reward less the divergence KL(pi, pi_0) (Ouyang et al. 2022,
// arXiv:2203.02155, equation 2; Ziegler et al. 2019, arXiv:1909.08593), in the unit of rewards as
// the learner sees them. If the prior is a policy of such an agent with the same sizes, learning
// begins with its weights.
class PolicyGradientAgent : public RolloutAgent, public FollowsPrior {
 public:
  PolicyGradientAgent(const EnvSpec& spec, const PolicyGradientConfig& config, at::Device device,
                      uint64_t seed);

  std::unique_ptr<Actor> actor(int64_t num_envs, const Acting& acting, uint64_t seed) final;
  std::vector<Field> extra_fields() const final;
  RolloutRequest request() const final;
  Learned update(const Rollout& rollout, double progress, Rng& rng) final;
  ActionDensity density() const final;
  void follow(std::shared_ptr<Agent> prior) final;
  Agent* prior() const final { return prior_.get(); }
  void state(StateList& list) final;

  const ActorCritic& networks() const { return networks_; }
  at::Device device() const { return networks_.encoder().device(); }

 protected:
  // The update rule. s: [B, ...], the rollout's observations, prepared by the encoder.
  virtual TensorMap learn(const Rollout& rollout, const TensorMap& s, Rng& rng) = 0;

  // Evaluates the rollout's steps by GAE(lambda), with the current V. A final observation is seen
  // with the memory of the episode that it ends.
  RolloutRows evaluate(const Rollout& rollout, const TensorMap& s, double lambda) const;

  // V(s) of prepared observations, seen with a memory [B, M], and the memory after them. Without
  // gradient.
  struct Valued {
    at::Tensor value, memory;  // [B], [B, M]
  };
  Valued values(const TensorMap& prepared, const at::Tensor& memory) const;

  // Adam's step along the gradient of `loss`, whose norm is limited. skip: as in Adam::step().
  // Returns the norm before limiting.
  at::Tensor descend(const at::Tensor& loss, const at::Tensor& skip = {});

  // The weight of the policy's entropy in the update that goes on.
  double entropy_weight() const { return entropy_weight_; }

  // Subtracts its mean and divides by its standard deviation, if the config says so.
  at::Tensor normalized(const at::Tensor& advantage) const;

  // The fraction of the returns' variance that the value function explains, at most 1.
  static at::Tensor explained_variance(const RolloutRows& rows);

 private:
  PolicyGradientAgent(const EnvSpec& spec, const PolicyGradientConfig& config, at::Device device,
                      Rng rng);

  // log pi(a | s) - log pi_0(a | s) of the rollout's steps: [T, N].
  at::Tensor divergence(const Rollout& rollout) const;

  const double learning_rate_, gamma_, max_gradient_norm_, kl_coefficient_, entropy_coefficient_;
  const bool anneals_, anneals_entropy_, normalizes_advantage_, is_deterministic_;
  const int64_t rollout_steps_;
  double entropy_weight_ = 0.0;
  ActorCritic networks_;
  std::vector<Adam> optimizers_;  // one of each block of the networks' weights
  std::shared_ptr<Agent> prior_;  // null without one
  decltype(ActionDensity::log_prob) prior_log_prob_;
};

}  // namespace reverie
