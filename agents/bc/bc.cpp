#include "agents/bc/bc.h"

#include "agents/continuous_actions.h"
#include "agents/off_policy/state_encoder.h"
#include "agents/training/transition_trainer.h"
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
    const auto [log_prob, deviation] = policy_->score(s, batch.action);
    const at::Tensor loss = -log_prob.mean();
    policy_->learn(loss, encoder_.optimizer());
    return {.metrics = {{"loss/actor", loss.detach()}, {"policy/deviation", deviation}}};
  }

  void state(StateList& list) override {
    list.add("policy", *policy_);
    encoder_.state(list);
  }

 private:
  Bc(const EnvSpec& spec, const BcConfig& config, at::Device device, uint64_t seed, Rng rng)
      : config_(config),
        encoder_(spec,
                 {.pictures = config,
                  .learning_rate = config.learning_rate,
                  .normalize = config.normalize_observation},
                 seed, rng, device),
        policy_(make_policy(config, encoder_, continuous_action_size(spec), rng)) {}

  StatesOf states() const {
    return [this](const TensorMap& obs) { return encoder_(obs); };
  }

  static std::unique_ptr<PolicyHead> make_policy(const BcConfig& config,
                                                 const StateEncoder& encoder, int64_t action_size,
                                                 Rng& rng) {
    const auto make = config.policy == "binned" ? binned_head : gaussian_head;
    return make({.state = encoder.size(),
                 .action = action_size,
                 .hidden = encoder.widths(config.hidden_sizes),
                 .normalized_trunk = encoder.reads_pictures(),
                 .learning_rate = config.learning_rate},
                config, rng, encoder.device());
  }

  const BcConfig config_;
  StateEncoder encoder_;
  std::unique_ptr<PolicyHead> policy_;
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
