#include "agents/ddpg/ddpg.h"

#include "agents/continuous_actions.h"
#include "agents/noisy_actor.h"
#include "agents/observation_features.h"
#include "agents/training/transition_trainer.h"
#include "nn/adam.h"
#include "nn/mlp.h"
#include "nn/pch.h"

namespace reverie {

void DdpgConfig::describe(ConfigFields& f) {
  f.add("hidden_sizes", hidden_sizes, "widths of the hidden layers of actor and critic",
        between(1, 65536));
  f.add("normalized_trunk", normalized_trunk,
        "layer norm and tanh after the first layer of both, instead of ReLU");
  f.add("actor_learning_rate", actor_learning_rate, "Adam's step size for the actor", above(0));
  f.add("critic_learning_rate", critic_learning_rate, "Adam's step size for the critic", above(0));
  f.add("gamma", gamma, "discount per environment step", between(0, 1));
  f.add("tau", tau, "share of the online weights in each target update",
        {.low = 0, .high = 1, .open_low = true});
  f.add("n_step", n_step, "rewards summed before the bootstrap [steps]", between(1, 1000));
  f.add("minibatch", minibatch, "transitions per update", between(1, 1 << 20));
  f.add("exploration_noise", exploration_noise,
        "standard deviation of the noise on actions, in units of half the action range",
        at_least(0));
  f.add("normalize_observation", normalize_observation,
        "standardise observations by running mean and variance");
}

namespace {

class Ddpg final : public TransitionAgent {
 public:
  Ddpg(const EnvSpec& spec, const DdpgConfig& config, at::Device device, uint64_t seed)
      : Ddpg(spec, config, device, Rng(seed)) {}

  std::unique_ptr<Actor> actor(int64_t /*num_envs*/, const Acting& acting, uint64_t seed) override {
    const bool explores = acting.mode == ActMode::kExplore;
    return std::make_unique<NoisyActor>([this](const TensorMap& obs) { return act(obs); },
                                        explores ? config_.exploration_noise : 0.0, seed);
  }

  void observe(const TensorMap& obs) override { features_.observe(obs); }

  // mu(s) of the environments' observations: [N, A] in [-1, 1] on the CPU.
  at::Tensor act(const TensorMap& obs) const {
    const at::NoGradGuard no_grad;
    return mu(actor_, features_(obs)).cpu();
  }

  SampleRequest request() const override {
    return {.batch = config_.minibatch, .spec = {.n_step = config_.n_step, .gamma = config_.gamma}};
  }

  Learned update(const Batch& batch) override {
    const at::Tensor s = features_(batch.obs);
    const at::Tensor s_next = features_(batch.next_obs);
    const at::Tensor& a = batch.action;

    // y = r + discount Q'(s', mu'(s'))
    at::Tensor y;
    {
      const at::NoGradGuard no_grad;
      y = batch.reward + batch.discount * q(target_critic_, s_next, mu(target_actor_, s_next));
    }
    const at::Tensor q_data = q(critic_, s, a);
    const at::Tensor td_error = q_data - y;
    const at::Tensor squares = td_error.square();
    const at::Tensor critic_loss =
        (batch.weight.defined() ? batch.weight * squares : squares).mean();
    critic_optimizer_.zero_grad();
    critic_loss.backward();
    critic_optimizer_.step();

    // grad J = E[ grad_a Q(s, a) at a = mu(s)  grad mu(s) ]
    critic_.parameters().requires_grad(false);
    const at::Tensor actor_loss = -q(critic_, s, mu(actor_, s)).mean();
    actor_optimizer_.zero_grad();
    actor_loss.backward();
    actor_optimizer_.step();
    critic_.parameters().requires_grad(true);

    target_actor_.parameters().soft_update(actor_.parameters(), config_.tau);
    target_critic_.parameters().soft_update(critic_.parameters(), config_.tau);
    return {.metrics = {{"loss/critic", critic_loss.detach()},
                        {"loss/actor", actor_loss.detach()},
                        {"value/q", q_data.detach().mean()}},
            .td_error = td_error.detach()};
  }

  void state(StateList& list) override {
    list.add("actor", actor_);
    list.add("critic", critic_);
    list.add("target_actor", target_actor_);
    list.add("target_critic", target_critic_);
    list.add("actor", actor_optimizer_);
    list.add("critic", critic_optimizer_);
    features_.state(list);
  }

 private:
  Ddpg(const EnvSpec& spec, const DdpgConfig& config, at::Device device, Rng rng)
      : config_(config),
        features_(spec, config.normalize_observation, device),
        action_size_(continuous_action_size(spec)),
        actor_(features_.size(), config.hidden_sizes, action_size_, rng, device,
               {.normalized_trunk = config.normalized_trunk}),
        critic_(features_.size() + action_size_, config.hidden_sizes, 1, rng, device,
                {.normalized_trunk = config.normalized_trunk}),
        target_actor_(actor_),
        target_critic_(critic_),
        actor_optimizer_(actor_.parameters(), {.learning_rate = config.actor_learning_rate}),
        critic_optimizer_(critic_.parameters(), {.learning_rate = config.critic_learning_rate}) {}

  // mu(s): [B, D] -> [B, A] in [-1, 1].
  static at::Tensor mu(const Mlp& actor, const at::Tensor& s) { return at::tanh(actor(s)); }

  // Q(s, a): [B, D], [B, A] -> [B].
  static at::Tensor q(const Mlp& critic, const at::Tensor& s, const at::Tensor& a) {
    return critic(at::cat({s, a}, 1)).squeeze(1);
  }

  const DdpgConfig config_;
  ObservationFeatures features_;
  int64_t action_size_;
  Mlp actor_, critic_, target_actor_, target_critic_;
  Adam actor_optimizer_, critic_optimizer_;
};

}  // namespace

std::unique_ptr<TransitionAgent> make_ddpg(const EnvSpec& spec, const DdpgConfig& config,
                                           at::Device device, uint64_t seed) {
  return std::make_unique<Ddpg>(spec, config, device, seed);
}

std::unique_ptr<Agent> DdpgConfig::make(const EnvSpec& spec, at::Device device,
                                        uint64_t seed) const {
  return make_ddpg(spec, *this, device, seed);
}

AgentEntry ddpg_entry() {
  return {.name = "ddpg",
          .summary = "deep deterministic policy gradient (Lillicrap et al. 2016)",
          .config = [] { return std::make_unique<DdpgConfig>(); },
          .training = [] { return std::make_unique<TransitionTraining>(); }};
}

}  // namespace reverie
