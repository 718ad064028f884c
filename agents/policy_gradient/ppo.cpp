#include "agents/policy_gradient/ppo.h"

#include <algorithm>

#include "agents/training/rollout_trainer.h"
#include "nn/pch.h"

namespace reverie {

void PpoConfig::describe(ConfigFields& f) {
  PolicyGradientConfig::describe(f);
  f.add("gae_lambda", gae_lambda, "lambda of generalised advantage estimation", between(0, 1));
  f.add("epochs", epochs, "passes over a rollout", between(1, 1000));
  f.add("minibatch", minibatch, "steps per gradient step", between(2, 1 << 20));
  f.add("sequence_length", sequence_length,
        "steps of a sequence, which gradients go back through, with --memory", between(1, 1 << 20));
  f.add("clip", clip, "epsilon: clip range of the ratio of new to old policy", above(0));
  f.add("clip_value", clip_value, "clip the change of the value function in the same way");
  f.add("target_kl", target_kl, "stop the epochs of a rollout beyond this KL divergence; 0 = never",
        at_least(0));
}

namespace {

class Ppo final : public PolicyGradientAgent {
 public:
  Ppo(const EnvSpec& spec, const PpoConfig& config, at::Device device, uint64_t seed)
      : PolicyGradientAgent(spec, config, device, seed),
        config_(config),
        length_(networks().recurrent_size() > 0 ? config.sequence_length : 1),
        noise_(device, seed) {
    REVERIE_CHECK(config_.rollout_steps % length_ == 0,
                  "--rollout-steps {} cannot be cut into sequences of --sequence-length {}; "
                  "expected a multiple of it",
                  config_.rollout_steps, length_);
    REVERIE_CHECK(config_.minibatch >= length_,
                  "--minibatch {} is less than one sequence of --sequence-length {} steps",
                  config_.minibatch, length_);
  }

 protected:
  TensorMap learn(const Rollout& rollout, const TensorMap& s, Rng& rng) override {
    const RolloutRows all = evaluate(rollout, s, config_.gae_lambda);
    const int64_t steps = all.value.size(0);
    const int64_t minibatches = std::max<int64_t>(1, steps / config_.minibatch);
    const at::Tensor sequences = rollout.sequences(length_);
    noise_.reseed(rng.next_uint64());

    at::Tensor ended = at::zeros({}, all.value.options());  // 1 once the policy has moved too far
    at::Tensor epochs = at::zeros_like(ended);
    Losses sum;
    for (int64_t epoch = 0; epoch < config_.epochs; ++epoch) {
      epochs = epochs + (1.0 - ended);
      at::Tensor divergence = at::zeros_like(ended);
      for (const at::Tensor& picks :
           noise_.permutation(sequences.size(0)).tensor_split(minibatches)) {
        const Losses losses = losses_of(all.select(sequences.index_select(0, picks)));
        descend(-losses.surrogate + config_.value_coefficient * losses.value -
                    entropy_weight() * losses.entropy,
                ended);
        divergence = divergence + losses.divergence / minibatches;
        sum.add(losses);
      }
      if (config_.target_kl > 0.0) {
        ended = at::maximum(ended, (divergence > config_.target_kl).to(ended.scalar_type()));
      }
    }
    const double n = static_cast<double>(config_.epochs * minibatches);
    return {{"loss/policy", -sum.surrogate / n},
            {"loss/value", sum.value / n},
            {"policy/entropy", sum.entropy / n},
            {"policy/kl", sum.divergence / n},
            {"policy/clipped", sum.clipped / n},
            {"policy/epochs", epochs},
            {"value/explained_variance", explained_variance(all)}};
  }

 private:
  struct Losses {
    at::Tensor surrogate, value, entropy;  // [] with gradient
    at::Tensor divergence, clipped;        // [] without

    void add(const Losses& other) {
      for (at::Tensor Losses::*term : {&Losses::surrogate, &Losses::value, &Losses::entropy,
                                       &Losses::divergence, &Losses::clipped}) {
        at::Tensor& mine = this->*term;
        const at::Tensor theirs = (other.*term).detach();
        mine = mine.defined() ? mine + theirs : theirs;
      }
    }
  };

  Losses losses_of(const RolloutRows& batch) const {
    const double eps = config_.clip;
    const at::Tensor x = networks().sequences(batch);
    const auto pi = networks().policy(x);
    const at::Tensor log_ratio = pi->log_prob(batch.draw) - batch.log_prob;
    const at::Tensor ratio = log_ratio.exp();
    const at::Tensor advantage = normalized(batch.advantage);
    const at::Tensor surrogate =
        at::minimum(ratio * advantage, ratio.clamp(1.0 - eps, 1.0 + eps) * advantage).mean();

    const at::Tensor v = networks().value(x);
    at::Tensor squares = (v - batch.returns).square();
    if (config_.clip_value) {
      const at::Tensor near = batch.value + (v - batch.value).clamp(-eps, eps);
      squares = at::maximum(squares, (near - batch.returns).square());
    }

    const at::Tensor r = ratio.detach();
    return {.surrogate = surrogate,
            .value = 0.5 * squares.mean(),
            .entropy = pi->entropy().mean(),
            .divergence = (r - 1.0 - log_ratio.detach()).mean(),
            .clipped = ((r - 1.0).abs() > eps).to(r.scalar_type()).mean()};
  }

  const PpoConfig config_;
  const int64_t length_;  // steps of a sequence
  NoiseSource noise_;
};

}  // namespace

std::unique_ptr<Agent> PpoConfig::make(const EnvSpec& spec, at::Device device,
                                       uint64_t seed) const {
  return std::make_unique<Ppo>(spec, *this, device, seed);
}

AgentEntry ppo_entry() {
  return {.name = "ppo",
          .summary = "proximal policy optimisation (Schulman et al. 2017), on-policy",
          .config = [] { return std::make_unique<PpoConfig>(); },
          .training = [] { return std::make_unique<RolloutTraining>(); }};
}

}  // namespace reverie
