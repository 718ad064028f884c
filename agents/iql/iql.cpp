#include "agents/iql/iql.h"

#include "agents/continuous_actions.h"
#include "agents/iql/extraction.h"
#include "agents/off_policy/critic_loss.h"
#include "agents/off_policy/state_encoder.h"
#include "agents/training/transition_trainer.h"
#include "nn/adam.h"
#include "nn/ensemble_mlp.h"
#include "nn/mlp.h"
#include "nn/pch.h"

namespace reverie {

void IqlConfig::describe(ConfigFields& f) {
  f.add("expectile", expectile,
        "of the actions' values that V is; 0.5 = their mean, towards 1 = the best action's",
        {.low = 0, .high = 1, .open_low = true, .open_high = true});
  f.add("extraction", extraction,
        "how the policy is made from the values (agents/iql/extraction.h)",
        {"awr", "awr-discrete", "ddpg", "ddpg-bc"});
  f.add("temperature", temperature,
        "with awr: factor of the advantage in the weight's exponent; 0 = behaviour cloning",
        at_least(0));
  f.add("bc_weight", bc_weight, "with ddpg-bc: weight of the distance to the data's actions",
        at_least(0));
  PolicyHeadOptions::describe(f);
  ActorCriticOptions::describe(f);
  SamplingOptions::describe(f);
  DeterministicOptions::describe(f);
  PictureOptions::describe(f);
}

void IqlConfig::describe_acting(ConfigFields& f) { DeterministicOptions::describe_acting(f); }

namespace {

class Iql final : public TransitionAgent, public ValuesStates {
 public:
  Iql(const EnvSpec& spec, const IqlConfig& config, at::Device device, uint64_t seed)
      : Iql(spec, config, device, seed, Rng(seed)) {}

  std::unique_ptr<Actor> actor(int64_t num_envs, const Acting& acting, uint64_t seed) override {
    return policy_->actor(num_envs, acting, seed);
  }

  void observe(const TensorMap& obs) override { encoder_.observe(obs); }

  ActionDensity density() const override { return policy_->density(); }

  SampleRequest request() const override { return config_.request(); }

  at::Tensor values(const TensorMap& obs) const override {
    const at::NoGradGuard no_grad;
    return value_(encoder_(obs)).squeeze(1).cpu();
  }

  Learned update(const Batch& batch) override {
    const auto [s_learning, s_next] = encoder_.states(batch);
    const at::Tensor s = s_learning.detach();
    const at::Tensor& a = batch.action;

    const at::Tensor best = target_q(s, a);  // [B]
    const at::Tensor v = value_(s).squeeze(1);
    const at::Tensor u = best - v;
    const at::Tensor value_loss = weighted_mean(expectile_weight(u) * u.square(), batch);
    minimize(value_loss, {&value_optimizer_});

    at::Tensor advantage, y;
    {
      const at::NoGradGuard no_grad;
      const auto values = value_(at::cat({s, s_next})).squeeze(1).chunk(2);  // one product a layer
      advantage = best - values[0];
      y = batch.reward + batch.discount * values[1];
    }
    Learned learned{
        .metrics = policy_->update({.s = s, .a = a, .advantage = advantage, .critics = critics_})};

    const at::Tensor q = critics_(with_action(s_learning, a)).squeeze(2);  // [2, B]
    const at::Tensor td_error = q - y;
    const at::Tensor critic_loss = weighted_mean(td_error.square(), batch);
    minimize(critic_loss, {&critic_optimizer_, encoder_.optimizer()});
    target_critics_.parameters().soft_update(critics_.parameters(), config_.tau);

    learned.metrics.add("loss/value", value_loss.detach());
    learned.metrics.add("loss/critic", critic_loss.detach());
    learned.metrics.add("value/v", v.detach().mean());
    learned.metrics.add("value/q", q.detach().mean());
    learned.td_error = td_error.detach().abs().amax(0);
    return learned;
  }

  void state(StateList& list) override {
    list.add("critics", critics_);
    list.add("target_critics", target_critics_);
    list.add("value", value_);
    list.add("critics", critic_optimizer_);
    list.add("value", value_optimizer_);
    list.add("policy", *policy_);
    encoder_.state(list);
  }

 private:
  Iql(const EnvSpec& spec, const IqlConfig& config, at::Device device, uint64_t seed, Rng rng)
      : config_(config),
        encoder_(spec,
                 {.pictures = config,
                  .learning_rate = config.critic_learning_rate,
                  .normalize = config.normalize_observation},
                 seed, rng, device),
        critics_(2, encoder_.size() + continuous_action_size(spec),
                 encoder_.widths(config.hidden_sizes), 1, rng, device,
                 {.normalized_trunk = encoder_.reads_pictures(),
                  .past_trunk = continuous_action_size(spec)}),
        target_critics_(critics_),
        value_(encoder_.size(), encoder_.widths(config.hidden_sizes), 1, rng, device,
               {.normalized_trunk = encoder_.reads_pictures()}),
        critic_optimizer_(critics_.parameters(), {.learning_rate = config.critic_learning_rate}),
        value_optimizer_(value_.parameters(), {.learning_rate = config.critic_learning_rate}),
        policy_(make_extraction(config, encoder_, continuous_action_size(spec), rng)) {}

  // min_i Q_i'(s, a): [B]
  at::Tensor target_q(const at::Tensor& s, const at::Tensor& a) const {
    const at::NoGradGuard no_grad;
    return target_critics_(with_action(s, a)).squeeze(2).amin(0);
  }

  // |tau - 1(u < 0)|: [B]
  at::Tensor expectile_weight(const at::Tensor& u) const {
    const double tau = config_.expectile;
    return at::where(u.detach() < 0.0, 1.0 - tau, tau);
  }

  const IqlConfig config_;
  StateEncoder encoder_;
  EnsembleMlp critics_, target_critics_;
  Mlp value_;
  Adam critic_optimizer_, value_optimizer_;
  std::unique_ptr<Extraction> policy_;
};

}  // namespace

std::unique_ptr<Agent> IqlConfig::make(const EnvSpec& spec, at::Device device,
                                       uint64_t seed) const {
  return std::make_unique<Iql>(spec, *this, device, seed);
}

AgentEntry iql_entry() {
  return {.name = "iql",
          .summary = "implicit Q-learning with four policy extractions (Kostrikov et al. 2021)",
          .config = [] { return std::make_unique<IqlConfig>(); },
          .training = [] { return std::make_unique<TransitionTraining>(); }};
}

}  // namespace reverie
