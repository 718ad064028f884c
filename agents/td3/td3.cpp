#include "agents/td3/td3.h"

#include "agents/continuous_actions.h"
#include "agents/noisy_actor.h"
#include "agents/observation_features.h"
#include "agents/training/transition_trainer.h"
#include "nn/adam.h"
#include "nn/ensemble_mlp.h"
#include "nn/mlp.h"
#include "nn/noise_source.h"
#include "nn/pch.h"

namespace reverie {

void Td3Config::describe(ConfigFields& f) {
  f.add("hidden_sizes", hidden_sizes, "widths of the hidden layers of actor and critics",
        between(1, 65536));
  f.add("actor_learning_rate", actor_learning_rate, "Adam's step size for the actor", above(0));
  f.add("critic_learning_rate", critic_learning_rate, "Adam's step size for the critics", above(0));
  f.add("gamma", gamma, "discount per environment step", between(0, 1));
  f.add("tau", tau, "share of the online weights in each target update",
        {.low = 0, .high = 1, .open_low = true});
  f.add("n_step", n_step, "rewards summed before the bootstrap [steps]", between(1, 1000));
  f.add("minibatch", minibatch, "transitions per update", between(1, 1 << 20));
  f.add("exploration_noise", exploration_noise,
        "standard deviation of the noise on actions, in units of half the action range",
        at_least(0));
  f.add("target_noise", target_noise,
        "standard deviation of the noise on the target policy's actions, in the same units",
        at_least(0));
  f.add("target_noise_clip", target_noise_clip, "largest noise on the target policy's actions",
        at_least(0));
  f.add("policy_delay", policy_delay, "updates of the critics per update of actor and targets",
        between(1, 1000));
  f.add("normalize_observation", normalize_observation,
        "standardise observations by running mean and variance");
}

namespace {

class Td3 final : public TransitionAgent {
 public:
  Td3(const EnvSpec& spec, const Td3Config& config, at::Device device, uint64_t seed)
      : Td3(spec, config, device, seed, Rng(seed)) {}

  std::unique_ptr<Actor> actor(int64_t /*num_envs*/, const Acting& acting, uint64_t seed) override {
    const bool explores = acting.mode == ActMode::kExplore;
    const auto policy = [this](const TensorMap& obs) {
      const at::NoGradGuard no_grad;
      return mu(actor_, features_(obs)).cpu();
    };
    return std::make_unique<NoisyActor>(policy, explores ? config_.exploration_noise : 0.0, seed);
  }

  void observe(const TensorMap& obs) override { features_.observe(obs); }

  SampleRequest request() const override {
    return {.batch = config_.minibatch, .spec = {.n_step = config_.n_step, .gamma = config_.gamma}};
  }

  Learned update(const Batch& batch) override {
    const at::Tensor s = features_(batch.obs);
    const at::Tensor y = target(batch);
    const at::Tensor q = critics_(with_action(s, batch.action)).squeeze(2);  // [2, B]
    const at::Tensor td_error = q - y;
    const at::Tensor squares = td_error.square();
    const at::Tensor critic_loss =
        (batch.weight.defined() ? batch.weight * squares : squares).mean(1).sum();
    critic_optimizer_.zero_grad();
    critic_loss.backward();
    critic_optimizer_.step();

    if (++updates_ % config_.policy_delay == 0) {
      actor_loss_ = update_actor(s);
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
    features_.state(list);
  }

 private:
  Td3(const EnvSpec& spec, const Td3Config& config, at::Device device, uint64_t seed, Rng rng)
      : config_(config),
        features_(spec, config.normalize_observation, device),
        action_size_(continuous_action_size(spec)),
        actor_(features_.size(), config.hidden_sizes, action_size_, rng, device),
        critics_(2, features_.size() + action_size_, config.hidden_sizes, 1, rng, device),
        target_actor_(actor_),
        target_critics_(critics_),
        actor_optimizer_(actor_.parameters(), {.learning_rate = config.actor_learning_rate}),
        critic_optimizer_(critics_.parameters(), {.learning_rate = config.critic_learning_rate}),
        rng_(update_rng(seed)),
        noise_(device, 0) {}

  // mu(s): [B, D] -> [B, A] in [-1, 1].
  static at::Tensor mu(const Mlp& actor, const at::Tensor& s) { return at::tanh(actor(s)); }

  static at::Tensor with_action(const at::Tensor& s, const at::Tensor& a) {
    return at::cat({s, a}, 1);
  }

  // y = r + discount min_i Q_i'(s', clip(mu'(s') + eps)): [B]
  at::Tensor target(const Batch& batch) {
    const at::NoGradGuard no_grad;
    const double c = config_.target_noise_clip;
    const at::Tensor s_next = features_(batch.next_obs);
    const at::Tensor a_next = mu(target_actor_, s_next);
    noise_.reseed(rng_.next_uint64());
    const at::Tensor eps = (config_.target_noise * noise_.normal(a_next.sizes())).clamp(-c, c);
    const at::Tensor q = target_critics_(with_action(s_next, (a_next + eps).clamp(-1.0, 1.0)));
    return batch.reward + batch.discount * q.squeeze(2).amin(0);
  }

  at::Tensor update_actor(const at::Tensor& s) {
    critics_.parameters().requires_grad(false);
    const at::Tensor loss = -critics_.member(0, with_action(s, mu(actor_, s))).mean();
    actor_optimizer_.zero_grad();
    loss.backward();
    actor_optimizer_.step();
    critics_.parameters().requires_grad(true);
    return loss.detach();
  }

  const Td3Config config_;
  ObservationFeatures features_;
  int64_t action_size_;
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

}  // namespace reverie
