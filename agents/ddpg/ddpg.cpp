#include "agents/ddpg/ddpg.h"

#include "agents/continuous_actions.h"
#include "agents/off_policy/critic_loss.h"
#include "agents/off_policy/state_encoder.h"
#include "agents/training/transition_trainer.h"
#include "nn/adam.h"
#include "nn/mlp.h"
#include "nn/pch.h"

namespace reverie {

void DdpgConfig::describe(ConfigFields& f) {
  ActorCriticOptions::describe(f);
  f.add("normalized_trunk", normalized_trunk,
        "layer norm and tanh after the first layer of both, instead of ReLU; from pictures always");
  SamplingOptions::describe(f);
  DeterministicOptions::describe(f);
  PictureOptions::describe(f);
}

void DdpgConfig::describe_acting(ConfigFields& f) { DeterministicOptions::describe_acting(f); }

namespace {

class Ddpg final : public TransitionAgent {
 public:
  Ddpg(const EnvSpec& spec, const DdpgConfig& config, at::Device device, uint64_t seed)
      : Ddpg(spec, config, device, seed, Rng(seed)) {}

  std::unique_ptr<Actor> actor(int64_t num_envs, const Acting& acting, uint64_t seed) override {
    return config_.actor([this](const TensorMap& obs) { return actor_(encoder_(obs)); }, num_envs,
                         acting, seed);
  }

  void observe(const TensorMap& obs) override { encoder_.observe(obs); }

  SampleRequest request() const override { return config_.request(); }

  Learned update(const Batch& batch) override {
    const auto [s, s_next] = encoder_.states(batch);
    const at::Tensor& a = batch.action;

    // y = r + discount Q'(s', mu'(s'))
    at::Tensor y;
    {
      const at::NoGradGuard no_grad;
      y = batch.reward + batch.discount * q(target_critic_, s_next, mu(target_actor_, s_next));
    }
    const at::Tensor q_data = q(critic_, s, a);
    const at::Tensor td_error = q_data - y;
    const at::Tensor critic_loss = weighted_mean(td_error.square(), batch);
    minimize(critic_loss, {&critic_optimizer_, encoder_.optimizer()});

    // grad J = E[ grad_a Q(s, a) at a = mu(s)  grad mu(s) ]
    const at::Tensor actor_loss = update_actor(s.detach());

    target_actor_.parameters().soft_update(actor_.parameters(), config_.tau);
    target_critic_.parameters().soft_update(critic_.parameters(), config_.tau);
    return {.metrics = {{"loss/critic", critic_loss.detach()},
                        {"loss/actor", actor_loss},
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
    encoder_.state(list);
  }

 private:
  Ddpg(const EnvSpec& spec, const DdpgConfig& config, at::Device device, uint64_t seed, Rng rng)
      : config_(config),
        action_size_(continuous_action_size(spec)),
        encoder_(spec,
                 {.pictures = config,
                  .learning_rate = config.critic_learning_rate,
                  .normalize = config.normalize_observation},
                 seed, rng, device),
        pictures_(encoder_.reads_pictures()),
        actor_(encoder_.size(), encoder_.widths(config.hidden_sizes), action_size_, rng, device,
               {.normalized_trunk = pictures_ || config.normalized_trunk}),
        critic_(encoder_.size() + action_size_, encoder_.widths(config.hidden_sizes), 1, rng,
                device,
                {.normalized_trunk = pictures_ || config.normalized_trunk,
                 .past_trunk = pictures_ ? action_size_ : 0}),
        target_actor_(actor_),
        target_critic_(critic_),
        actor_optimizer_(actor_.parameters(), {.learning_rate = config.actor_learning_rate}),
        critic_optimizer_(critic_.parameters(), {.learning_rate = config.critic_learning_rate}) {}

  // mu(s): [B, D] -> [B, A] in [-1, 1].
  static at::Tensor mu(const Mlp& actor, const at::Tensor& s) { return at::tanh(actor(s)); }

  // Q(s, a): [B, D], [B, A] -> [B].
  static at::Tensor q(const Mlp& critic, const at::Tensor& s, const at::Tensor& a) {
    return critic(with_action(s, a)).squeeze(1);
  }

  at::Tensor update_actor(const at::Tensor& s) {
    const Frozen frozen({&critic_.parameters()});
    const at::Tensor loss = -q(critic_, s, mu(actor_, s)).mean();
    minimize(loss, {&actor_optimizer_});
    return loss.detach();
  }

  const DdpgConfig config_;
  const int64_t action_size_;
  StateEncoder encoder_;
  const bool pictures_;
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
