#include "agents/policy_gradient/a2c.h"

#include "agents/training/rollout_trainer.h"
#include "nn/pch.h"

namespace reverie {

A2cConfig::A2cConfig() {
  learning_rate = 7e-4;
  rollout_steps = 16;
  normalize_advantage = false;
}

void A2cConfig::describe(ConfigFields& f) {
  PolicyGradientConfig::describe(f);
  f.add("gae_lambda", gae_lambda, "lambda of generalised advantage estimation", between(0, 1));
}

namespace {

class A2c final : public PolicyGradientAgent {
 public:
  A2c(const EnvSpec& spec, const A2cConfig& config, at::Device device, uint64_t seed)
      : PolicyGradientAgent(spec, config, device, seed), config_(config) {}

 protected:
  TensorMap learn(const Rollout& rollout, const TensorMap& s, Rng& /*rng*/) override {
    const RolloutRows all = evaluate(rollout, s, config_.gae_lambda);
    const at::Tensor x = networks().sequences(all);
    const auto pi = networks().policy(x);
    const at::Tensor policy_loss = -(pi->log_prob(all.draw) * normalized(all.advantage)).mean();
    const at::Tensor value_loss = 0.5 * (networks().value(x) - all.returns).square().mean();
    const at::Tensor entropy = pi->entropy().mean();
    descend(policy_loss + config_.value_coefficient * value_loss - entropy_weight() * entropy);
    return {{"loss/policy", policy_loss.detach()},
            {"loss/value", value_loss.detach()},
            {"policy/entropy", entropy.detach()},
            {"value/explained_variance", explained_variance(all)}};
  }

 private:
  const A2cConfig config_;
};

}  // namespace

std::unique_ptr<Agent> A2cConfig::make(const EnvSpec& spec, at::Device device,
                                       uint64_t seed) const {
  return std::make_unique<A2c>(spec, *this, device, seed);
}

AgentEntry a2c_entry() {
  return {.name = "a2c",
          .summary = "advantage actor-critic (Mnih et al. 2016), on-policy",
          .config = [] { return std::make_unique<A2cConfig>(); },
          .training = [] { return std::make_unique<RolloutTraining>(); }};
}

}  // namespace reverie
