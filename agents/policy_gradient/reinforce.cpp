#include "agents/policy_gradient/reinforce.h"

#include "agents/training/rollout_trainer.h"
#include "nn/pch.h"

namespace reverie {

ReinforceConfig::ReinforceConfig() {
  learning_rate = 1e-3;
  rollout_steps = 1000;
  normalize_advantage = false;
}

void ReinforceConfig::describe(ConfigFields& f) {
  PolicyGradientConfig::describe(f);
  f.add("baseline", baseline, "subtract a learnt value of the state from returns");
}

namespace {

class Reinforce final : public PolicyGradientAgent {
 public:
  Reinforce(const EnvSpec& spec, const ReinforceConfig& config, at::Device device, uint64_t seed)
      : PolicyGradientAgent(spec, config, device, seed), config_(config) {}

 protected:
  TensorMap learn(const Rollout& rollout, const TensorMap& s, Rng& /*rng*/) override {
    const RolloutRows all =
        config_.baseline ? evaluate(rollout, s, /*lambda=*/1.0) : returns_to_go(rollout, s);
    // 1 where G is known, 0 where it is not.
    const at::Tensor known = config_.baseline ? at::ones_like(all.returns) : ends_later(rollout);
    const auto mean = [&](const at::Tensor& x) {
      return (known * x).sum() / known.sum().clamp_min(1.0);
    };
    at::Tensor advantage = all.advantage;
    if (config_.normalize_advantage) {
      advantage = advantage - mean(advantage);
      advantage = advantage / (mean(advantage.square()).sqrt() + 1e-8);
    }
    const at::Tensor x = networks().sequences(all);
    const auto pi = networks().policy(x);
    const at::Tensor policy_loss = -mean(pi->log_prob(all.draw) * advantage);
    const at::Tensor entropy = mean(pi->entropy());
    at::Tensor loss = policy_loss - entropy_weight() * entropy;
    TensorMap metrics{{"loss/policy", policy_loss.detach()},
                      {"policy/entropy", entropy.detach()},
                      {"policy/learnt_from", known.mean()}};
    if (config_.baseline) {
      const at::Tensor value_loss = 0.5 * (networks().value(x) - all.returns).square().mean();
      loss = loss + config_.value_coefficient * value_loss;
      metrics.add("loss/value", value_loss.detach());
      metrics.add("value/explained_variance", explained_variance(all));
    }
    descend(loss);
    return metrics;
  }

 private:
  // G as advantage: V = 0 everywhere.
  RolloutRows returns_to_go(const Rollout& rollout, const TensorMap& s) const {
    RolloutRows rows = evaluate(rollout, s, /*lambda=*/1.0);
    const at::Tensor zero = at::zeros_like(rollout.reward);
    rows.value = flat(zero);
    rows.returns = flat(advantages(rollout.reward, zero, zero, rollout.terminated,
                                   rollout.truncated, config_.gamma, /*lambda=*/1.0)
                            .returns);
    rows.advantage = rows.returns;
    return rows;
  }

  // [B]: 1 where the step's episode ends within the rollout.
  static at::Tensor ends_later(const Rollout& rollout) {
    const at::Tensor ends = rollout.ended().to(rollout.reward.scalar_type());
    return flat((ends.flip(0).cumsum(0).flip(0) > 0.0).to(ends.scalar_type()));
  }

  const ReinforceConfig config_;
};

}  // namespace

std::unique_ptr<Agent> ReinforceConfig::make(const EnvSpec& spec, at::Device device,
                                             uint64_t seed) const {
  return std::make_unique<Reinforce>(spec, *this, device, seed);
}

AgentEntry reinforce_entry() {
  return {.name = "reinforce",
          .summary = "REINFORCE (Williams 1992) with or without a baseline, on-policy",
          .config = [] { return std::make_unique<ReinforceConfig>(); },
          .training = [] { return std::make_unique<RolloutTraining>(); }};
}

}  // namespace reverie
