#include "agents/sac/sac.h"

#include <cmath>

#include "agents/continuous_actions.h"
#include "agents/off_policy/critic_loss.h"
#include "agents/off_policy/state_encoder.h"
#include "agents/training/transition_trainer.h"
#include "nn/adam.h"
#include "nn/distributions.h"
#include "nn/ensemble_mlp.h"
#include "nn/mlp.h"
#include "nn/noise_source.h"
#include "nn/pch.h"

namespace reverie {

void SacConfig::describe(ConfigFields& f) {
  ActorCriticOptions::describe(f);
  f.add("temperature_learning_rate", temperature_learning_rate,
        "Adam's step size for the logarithm of the temperature", above(0));
  f.add("initial_temperature", initial_temperature,
        "initial weight of the policy's entropy [1/nat]", above(0));
  f.add("target_entropy", target_entropy,
        "without --prior: entropy that the temperature is adjusted to reach [nat]; 0 = minus the "
        "number of action dimensions");
  f.add("learn_temperature", learn_temperature,
        "adjust the temperature; off, it stays at initial_temperature");
  f.add("prior", prior.folder,
        "run of a policy to stay near: the temperature then weights the divergence from it instead "
        "of the entropy; \"\" = none");
  f.add("target_divergence", target_divergence,
        "with --prior: divergence from it that the temperature is adjusted to reach [nat]",
        above(0));
  f.set_lifelong({"prior"});
  SamplingOptions::describe(f);
  PictureOptions::describe(f);
}

namespace {

constexpr double kLeastLogStd = -20.0, kMostLogStd = 2.0;

class Sac final : public TransitionAgent, public FollowsPrior {
 public:
  Sac(const EnvSpec& spec, const SacConfig& config, at::Device device, uint64_t seed)
      : Sac(spec, config, device, seed, Rng(seed)) {}

  std::unique_ptr<Actor> actor(int64_t num_envs, const Acting& acting, uint64_t seed) override;

  void observe(const TensorMap& obs) override { encoder_.observe(obs); }

  // Actions for the environments' observations: [N, A] in [-1, 1] on the CPU. noise: null for the
  // most likely ones.
  at::Tensor act(const TensorMap& obs, const NoiseSource* noise) const {
    const at::NoGradGuard no_grad;
    const TanhGaussian pi = policy(encoder_(obs));
    return (noise != nullptr ? pi.draw(*noise).value : pi.center()).cpu();
  }

  at::Device device() const { return encoder_.device(); }

  ActionDensity density() const override {
    return {.log_prob = [this](const TensorMap& obs, const at::Tensor& a) {
      return policy(encoder_(obs)).log_prob(a);
    }};
  }

  void follow(std::shared_ptr<Agent> prior) override {
    prior_ = std::move(prior);
    prior_log_prob_ = prior_->density().log_prob;
    target_entropy_ = -config_.target_divergence;
    auto* const same = dynamic_cast<Sac*>(prior_.get());
    if (same == nullptr || !have_equal_shapes(actor_, same->actor_) ||
        !have_equal_shapes(encoder_, same->encoder_)) {
      return;
    }
    load_state(actor_, take_checkpoint(same->actor_));
    load_state(encoder_, take_checkpoint(same->encoder_));
  }

  Agent* prior() const override { return prior_.get(); }

  SampleRequest request() const override { return config_.request(); }

  Learned update(const Batch& batch) override {
    const auto [s, s_next] = encoder_.states(batch);
    noise_.reseed(rng_.next_uint64());

    const at::Tensor y = target(batch, s_next);
    const at::Tensor q = critics_(with_action(s, batch.action)).squeeze(2);  // [2, B]
    const at::Tensor td_error = q - y;
    const at::Tensor critic_loss = weighted_mean(0.5 * td_error.square(), batch);
    minimize(critic_loss, {&critic_optimizer_, encoder_.optimizer()});

    const auto [actor_loss, log_prob, divergence] = update_actor(batch.obs, s.detach());
    if (config_.learn_temperature) {
      minimize(-(log_alpha() * (divergence + target_entropy_)).mean(), {&temperature_optimizer_});
    }

    target_critics_.parameters().soft_update(critics_.parameters(), config_.tau);
    Learned learned{.metrics = {{"loss/critic", critic_loss.detach()},
                                {"loss/actor", actor_loss},
                                {"policy/entropy", -log_prob.mean()},
                                {"policy/temperature", alpha()},
                                {"value/q", q.detach().mean()}},
                    .td_error = td_error.detach().abs().amax(0)};
    if (prior_) learned.metrics.add("policy/divergence", divergence.mean());
    return learned;
  }

  void state(StateList& list) override {
    list.add("actor", actor_);
    list.add("critics", critics_);
    list.add("target_critics", target_critics_);
    list.add("temperature", temperature_);
    list.add("actor", actor_optimizer_);
    list.add("critics", critic_optimizer_);
    list.add("temperature", temperature_optimizer_);
    list.add("agent.rng", rng_);
    encoder_.state(list);
  }

 private:
  Sac(const EnvSpec& spec, const SacConfig& config, at::Device device, uint64_t seed, Rng rng)
      : config_(config),
        action_size_(continuous_action_size(spec)),
        encoder_(spec,
                 {.pictures = config,
                  .learning_rate = config.critic_learning_rate,
                  .normalize = config.normalize_observation},
                 seed, rng, device),
        target_entropy_(config.target_entropy != 0.0 ? config.target_entropy
                                                     : -static_cast<double>(action_size_)),
        actor_(encoder_.size(), encoder_.widths(config.hidden_sizes), 2 * action_size_, rng, device,
               {.normalized_trunk = encoder_.reads_pictures()}),
        critics_(2, encoder_.size() + action_size_, encoder_.widths(config.hidden_sizes), 1, rng,
                 device,
                 {.normalized_trunk = encoder_.reads_pictures(), .past_trunk = action_size_}),
        target_critics_(critics_),
        temperature_({{"log_alpha", {1}}}, device),
        actor_optimizer_(actor_.parameters(), {.learning_rate = config.actor_learning_rate}),
        critic_optimizer_(critics_.parameters(), {.learning_rate = config.critic_learning_rate}),
        temperature_optimizer_(temperature_, {.learning_rate = config.temperature_learning_rate}),
        rng_(update_rng(seed)),
        noise_(device, 0) {
    log_alpha().detach().fill_(std::log(config.initial_temperature));
  }

  TanhGaussian policy(const at::Tensor& s) const {
    const std::vector<at::Tensor> halves = actor_(s).chunk(2, 1);
    return {halves[0], halves[1].clamp(kLeastLogStd, kMostLogStd)};
  }

  // log pi(a | s) - log pi_0(a | s); without a prior log pi(a | s).
  at::Tensor divergence(const TensorMap& obs, const at::Tensor& a,
                        const at::Tensor& log_prob) const {
    return prior_ ? log_prob - prior_log_prob_(obs, a) : log_prob;
  }

  // y = r + discount (min_i Q_i'(s', a') - alpha log(pi(a' | s') / pi_0(a' | s'))): [B]
  at::Tensor target(const Batch& batch, const at::Tensor& s_next) const {
    const at::NoGradGuard no_grad;
    const auto [a_next, log_prob] = policy(s_next).draw(noise_);
    const at::Tensor q = target_critics_(with_action(s_next, a_next)).squeeze(2).amin(0);
    const at::Tensor penalty = alpha() * divergence(batch.next_obs, a_next, log_prob);
    return batch.reward + batch.discount * (q - penalty);
  }

  struct ActorUpdate {
    at::Tensor loss, log_prob, divergence;  // [], [B] and [B] of the batch's draws
  };

  ActorUpdate update_actor(const TensorMap& obs, const at::Tensor& s) {
    const Frozen frozen({&critics_.parameters()});
    const auto [a, log_prob] = policy(s).draw(noise_);
    const at::Tensor q = critics_(with_action(s, a)).squeeze(2).amin(0);
    const at::Tensor from_prior = divergence(obs, a, log_prob);
    const at::Tensor loss = (alpha() * from_prior - q).mean();
    minimize(loss, {&actor_optimizer_});
    return {loss.detach(), log_prob.detach(), from_prior.detach()};
  }

  at::Tensor log_alpha() const { return temperature_.at("log_alpha"); }
  at::Tensor alpha() const { return log_alpha().detach().exp().squeeze(); }  // [] without gradient

  const SacConfig config_;
  const int64_t action_size_;
  StateEncoder encoder_;
  double target_entropy_;
  Mlp actor_;
  EnsembleMlp critics_, target_critics_;
  Parameters temperature_;
  Adam actor_optimizer_, critic_optimizer_, temperature_optimizer_;
  Rng rng_;
  NoiseSource noise_;             // restarted from rng_ at every update
  std::shared_ptr<Agent> prior_;  // null without one
  decltype(ActionDensity::log_prob) prior_log_prob_;
};

// a ~ pi(. | s) to explore; tanh(mean(s)) to evaluate.
class SacActor final : public Actor {
 public:
  SacActor(const Sac& agent, bool explores, uint64_t seed)
      : agent_(agent), explores_(explores), rng_(seed), noise_(agent.device(), seed) {}

  Decision act(const TensorMap& obs) override {
    if (!explores_) return {agent_.act(obs, nullptr)};
    noise_.reseed(rng_.next_uint64());
    return {agent_.act(obs, &noise_)};
  }

  void state(StateList& list) override { list.add("rng", rng_); }

 private:
  const Sac& agent_;
  const bool explores_;
  Rng rng_;
  NoiseSource noise_;
};

std::unique_ptr<Actor> Sac::actor(int64_t /*num_envs*/, const Acting& acting, uint64_t seed) {
  return std::make_unique<SacActor>(*this, acting.mode == ActMode::kExplore, seed);
}

}  // namespace

std::unique_ptr<Agent> SacConfig::make(const EnvSpec& spec, at::Device device,
                                       uint64_t seed) const {
  return std::make_unique<Sac>(spec, *this, device, seed);
}

AgentEntry sac_entry() {
  return {.name = "sac",
          .summary = "soft actor-critic (Haarnoja et al. 2018)",
          .config = [] { return std::make_unique<SacConfig>(); },
          .training = [] { return std::make_unique<TransitionTraining>(); }};
}

}  // namespace reverie
