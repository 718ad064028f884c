#include "agents/bc/bc.h"

#include <optional>

#include "agents/continuous_actions.h"
#include "agents/off_policy/state_encoder.h"
#include "agents/training/transition_trainer.h"
#include "core/text.h"
#include "nn/pch.h"

namespace reverie {

void BcConfig::describe(ConfigFields& f) {
  f.add("policy", policy, "distribution of actions (agents/offline/policy_head.h)",
        {"gaussian", "binned"});
  PolicyHeadOptions::describe(f);
  f.add("hidden_sizes", hidden_sizes, "widths of the hidden layers of the policy",
        between(1, 65536));
  f.add("learning_rate", learning_rate, "Adam's step size", above(0));
  f.add("minibatch", minibatch, "transitions per update", between(1, 1 << 20));
  f.add("normalize_observation", normalize_observation,
        "standardise floating-point observations by running mean and variance");
  bottleneck.describe(f);
  PictureOptions::describe(f);
}

namespace {

class Bc final : public TransitionAgent {
 public:
  Bc(const EnvSpec& spec, const BcConfig& config, at::Device device, uint64_t seed)
      : Bc(spec, config, device, seed, Rng(seed)) {}

  std::unique_ptr<Actor> actor(int64_t /*num_envs*/, const Acting& acting, uint64_t seed) override {
    return head_actor(*policy_, states(), encoder_.device(), acting, seed);
  }

  void observe(const TensorMap& obs) override { encoder_.observe(obs); }

  ActionDensity density() const override { return density_of(*policy_, states()); }

  SampleRequest request() const override { return {.batch = config_.minibatch}; }

  Learned update(const Batch& batch) override {
    const at::Tensor s = encoder_.states(batch).s;
    if (bottleneck_) return update(bottleneck_->learn(s), batch.action);
    const auto [log_prob, deviation] = policy_->score(s, batch.action);
    const at::Tensor loss = -log_prob.mean();
    policy_->learn(loss, {encoder_.optimizer()});
    return {.metrics = {{"loss/actor", loss.detach()}, {"policy/deviation", deviation}}};
  }

  void state(StateList& list) override {
    list.add("policy", *policy_);
    encoder_.state(list);
    if (bottleneck_) bottleneck_->state(list);
  }

 private:
  Bc(const EnvSpec& spec, const BcConfig& config, at::Device device, uint64_t seed, Rng rng)
      : config_(config),
        encoder_(spec,
                 {.pictures = config,
                  .learning_rate = config.learning_rate,
                  .normalize = config.normalize_observation},
                 seed, rng, device),
        policy_(make_policy(config, encoder_, continuous_action_size(spec), rng)) {
    if (!config.bottleneck.is_used()) return;
    bottleneck_.emplace(config.bottleneck, encoder_, config.hidden_sizes, config.learning_rate, rng,
                        mix_seed({seed, name_hash("bottleneck")}));
  }

  Learned update(const Bottleneck::Narrowed& narrowed, const at::Tensor& action) {
    const auto [log_prob, deviation] = policy_->score(narrowed.z, action);
    const at::Tensor imitation = -log_prob.mean();
    policy_->learn(imitation + narrowed.penalty, {encoder_.optimizer(), bottleneck_->optimizer()});
    return {.metrics = {{"loss/actor", imitation.detach()},
                        {"policy/deviation", deviation},
                        {"policy/information", narrowed.information}}};
  }

  // What the policy reads.
  StatesOf states() const {
    return [this](const TensorMap& obs) {
      const at::Tensor s = encoder_(obs);
      return bottleneck_ ? bottleneck_->mean(s) : s;
    };
  }

  static std::unique_ptr<PolicyHead> make_policy(const BcConfig& config,
                                                 const StateEncoder& encoder, int64_t action_size,
                                                 Rng& rng) {
    const auto make = config.policy == "binned" ? binned_head : gaussian_head;
    const bool reads_code = config.bottleneck.is_used();
    return make({.state = reads_code ? config.bottleneck.size : encoder.size(),
                 .action = action_size,
                 .hidden = reads_code ? config.hidden_sizes : encoder.widths(config.hidden_sizes),
                 .normalized_trunk = !reads_code && encoder.reads_pictures(),
                 .learning_rate = config.learning_rate},
                config, rng, encoder.device());
  }

  const BcConfig config_;
  StateEncoder encoder_;
  std::unique_ptr<PolicyHead> policy_;
  std::optional<Bottleneck> bottleneck_;
};

}  // namespace

std::unique_ptr<Agent> BcConfig::make(const EnvSpec& spec, at::Device device, uint64_t seed) const {
  return std::make_unique<Bc>(spec, *this, device, seed);
}

AgentEntry bc_entry() {
  return {.name = "bc",
          .summary = "behaviour cloning: the data's actions by maximum likelihood",
          .config = [] { return std::make_unique<BcConfig>(); },
          .training =
              [] {
                auto training = std::make_unique<TransitionTraining>();
                training->imitates = true;
                return training;
              }};
}

}  // namespace reverie
