#include "agents/td3/td3.h"

#include "agents/continuous_actions.h"
#include "agents/off_policy/critic_loss.h"
#include "agents/off_policy/state_encoder.h"
#include "agents/training/transition_trainer.h"
#include "nn/adam.h"
#include "nn/ensemble_mlp.h"
#include "nn/mlp.h"
#include "nn/noise_source.h"
#include "nn/pch.h"

namespace reverie {

void Td3Config::describe(ConfigFields& f) {
  ActorCriticOptions::describe(f);
  SamplingOptions::describe(f);
  DeterministicOptions::describe(f);
  SmoothingOptions::describe(f);
  CloningOptions::describe(f);
  f.add("policy_delay", policy_delay, "updates of the critics per update of actor and targets",
        between(1, 1000));
  f.add("actor_value", actor_value, "what the actor maximises: the first critic or the least one",
        {"first", "least"});
  f.add("critic_bc_weight", critic_bc_weight,
        "penalty of the target policy's distance to the data's next action in the critics' target; "
        "0 = none",
        at_least(0));
  f.add("layer_norm", layer_norm, "layer norms behind the critics' hidden layers");
  PictureOptions::describe(f);
}

void Td3Config::describe_acting(ConfigFields& f) { DeterministicOptions::describe_acting(f); }

namespace {

class Td3 final : public TransitionAgent, public ValuesStates {
 public:
  Td3(const EnvSpec& spec, const Td3Config& config, at::Device device, uint64_t seed)
      : Td3(spec, config, device, seed, Rng(seed)) {}

  std::unique_ptr<Actor> actor(int64_t num_envs, const Acting& acting, uint64_t seed) override {
    return config_.actor([this](const TensorMap& obs) { return actor_(encoder_(obs)); }, num_envs,
                         acting, seed);
  }

  void observe(const TensorMap& obs) override { encoder_.observe(obs); }

  SampleRequest request() const override {
    SampleRequest request = config_.request();
    request.spec.next_action = config_.critic_bc_weight > 0.0;
    return request;
  }

  at::Tensor values(const TensorMap& obs) const override {
    const at::NoGradGuard no_grad;
    const at::Tensor s = encoder_(obs);
    return critics_(with_action(s, mu(actor_, s))).squeeze(2).amin(0).cpu();
  }

  Learned update(const Batch& batch) override {
    const auto [s, s_next] = encoder_.states(batch);
    const at::Tensor y = target(batch, s_next);
    const at::Tensor q = critics_(with_action(s, batch.action)).squeeze(2);  // [2, B]
    const at::Tensor td_error = q - y;
    const at::Tensor critic_loss = weighted_mean(td_error.square(), batch);
    minimize(critic_loss, {&critic_optimizer_, encoder_.optimizer()});

    if (++updates_ % config_.policy_delay == 0) {
      actor_loss_ = update_actor(s.detach(), batch.action);
      target_actor_.parameters().soft_update(actor_.parameters(), config_.tau);
      target_critics_.parameters().soft_update(critics_.parameters(), config_.tau);
    }
    Learned learned{
        .metrics = {{"loss/critic", critic_loss.detach()}, {"value/q", q.detach().mean()}},
        .td_error = td_error.detach().abs().amax(0)};
    if (actor_loss_.defined()) learned.metrics.add("loss/actor", actor_loss_);
    return learned;
  }

  void state(StateList& list) override {
    list.add("actor", actor_);
    list.add("critics", critics_);
    list.add("target_actor", target_actor_);
    list.add("target_critics", target_critics_);
    list.add("actor", actor_optimizer_);
    list.add("critics", critic_optimizer_);
    list.add("agent.rng", rng_);
    list.add("agent.updates", updates_);
    encoder_.state(list);
  }

 private:
  Td3(const EnvSpec& spec, const Td3Config& config, at::Device device, uint64_t seed, Rng rng)
      : config_(config),
        action_size_(continuous_action_size(spec)),
        encoder_(spec,
                 {.pictures = config,
                  .learning_rate = config.critic_learning_rate,
                  .normalize = config.normalize_observation},
                 seed, rng, device),
        actor_(encoder_.size(), encoder_.widths(config.hidden_sizes), action_size_, rng, device,
               {.normalized_trunk = encoder_.reads_pictures()}),
        critics_(2, encoder_.size() + action_size_, encoder_.widths(config.hidden_sizes), 1, rng,
                 device,
                 {.normalized_trunk = encoder_.reads_pictures(),
                  .past_trunk = action_size_,
                  .layer_norm = config.layer_norm}),
        target_actor_(actor_),
        target_critics_(critics_),
        actor_optimizer_(actor_.parameters(), {.learning_rate = config.actor_learning_rate}),
        critic_optimizer_(critics_.parameters(), {.learning_rate = config.critic_learning_rate}),
        rng_(update_rng(seed)),
        noise_(device, 0) {}

  // mu(s): [B, D] -> [B, A] in [-1, 1].
  static at::Tensor mu(const Mlp& actor, const at::Tensor& s) { return at::tanh(actor(s)); }

  // y = r + discount (min_i Q_i'(s', a') - critic_bc_weight |a' - a+|^2),
  // a' = clip(mu'(s') + eps): [B]
  at::Tensor target(const Batch& batch, const at::Tensor& s_next) {
    const at::NoGradGuard no_grad;
    noise_.reseed(rng_.next_uint64());
    const at::Tensor a_next = config_.smoothed(mu(target_actor_, s_next), noise_);
    at::Tensor value = target_critics_(with_action(s_next, a_next)).squeeze(2).amin(0);
    if (config_.critic_bc_weight > 0.0) {
      const at::Tensor distance = (a_next - batch.next_action).square().sum(1);
      value = value - config_.critic_bc_weight * batch.has_next_action * distance;
    }
    return batch.reward + batch.discount * value;
  }

  at::Tensor update_actor(const at::Tensor& s, const at::Tensor& data_action) {
    const Frozen frozen({&critics_.parameters()});
    const at::Tensor a = mu(actor_, s);
    const at::Tensor sa = with_action(s, a);
    const bool least = config_.actor_value == "least";
    const at::Tensor loss = config_.actor_loss(
        least ? critics_(sa).squeeze(2).amin(0) : critics_.member(0, sa), a, data_action);
    minimize(loss, {&actor_optimizer_});
    return loss.detach();
  }

  const Td3Config config_;
  const int64_t action_size_;
  StateEncoder encoder_;
  Mlp actor_;
  EnsembleMlp critics_;
  Mlp target_actor_;
  EnsembleMlp target_critics_;
  Adam actor_optimizer_, critic_optimizer_;
  Rng rng_;
  NoiseSource noise_;
  int64_t updates_ = 0;
  at::Tensor actor_loss_;  // of the last update of the actor; undefined before the first
};

}  // namespace

std::unique_ptr<Agent> Td3Config::make(const EnvSpec& spec, at::Device device,
                                       uint64_t seed) const {
  return std::make_unique<Td3>(spec, *this, device, seed);
}

AgentEntry td3_entry() {
  return {.name = "td3",
          .summary = "twin delayed deep deterministic policy gradient (Fujimoto et al. 2018)",
          .config = [] { return std::make_unique<Td3Config>(); },
          .training = [] { return std::make_unique<TransitionTraining>(); }};
}

AgentEntry td3_bc_entry() {
  return {.name = "td3-bc",
          .summary = "TD3 that also imitates its dataset (Fujimoto & Gu 2021)",
          .config =
              [] {
                auto config = std::make_unique<Td3Config>();
                config->bc_weight = 0.4;
                config->normalize_observation = true;
                return config;
              },
          .training = [] { return std::make_unique<TransitionTraining>(); }};
}

AgentEntry rebrac_entry() {
  return {.name = "rebrac",
          .summary = "TD3+BC with a penalty on actor and critics each (Tarasov et al. 2023)",
          .config =
              [] {
                auto config = std::make_unique<Td3Config>();
                config->hidden_sizes = {256, 256, 256};
                config->bc_weight = 0.003;
                config->bc_distance = "sum";
                config->critic_bc_weight = 0.001;
                config->actor_value = "least";
                config->layer_norm = true;
                return config;
              },
          .training = [] { return std::make_unique<TransitionTraining>(); }};
}

}  // namespace reverie
