#include "agents/sac/sac.h"

#include <cmath>

#include "agents/continuous_actions.h"
#include "agents/observation_features.h"
#include "agents/training/transition_trainer.h"
#include "nn/adam.h"
#include "nn/distributions.h"
#include "nn/ensemble_mlp.h"
#include "nn/mlp.h"
#include "nn/noise_source.h"
#include "nn/pch.h"

namespace reverie {

void SacConfig::describe(ConfigFields& f) {
  f.add("hidden_sizes", hidden_sizes, "widths of the hidden layers of actor and critics",
        between(1, 65536));
  f.add("actor_learning_rate", actor_learning_rate, "Adam's step size for the actor", above(0));
  f.add("critic_learning_rate", critic_learning_rate, "Adam's step size for the critics", above(0));
  f.add("temperature_learning_rate", temperature_learning_rate,
        "Adam's step size for the logarithm of the temperature", above(0));
  f.add("initial_temperature", initial_temperature,
        "initial weight of the policy's entropy [1/nat]", above(0));
  f.add("target_entropy", target_entropy,
        "entropy that the temperature is adjusted to reach [nat]; 0 = minus the number of action "
        "dimensions");
  f.add("learn_temperature", learn_temperature,
        "adjust the temperature; off, it stays at initial_temperature");
  f.add("gamma", gamma, "discount per environment step", between(0, 1));
  f.add("tau", tau, "share of the online weights in each target update",
        {.low = 0, .high = 1, .open_low = true});
  f.add("n_step", n_step, "rewards summed before the bootstrap [steps]", between(1, 1000));
  f.add("minibatch", minibatch, "transitions per update", between(1, 1 << 20));
  f.add("normalize_observation", normalize_observation,
        "standardise observations by running mean and variance");
}

namespace {

constexpr double kLeastLogStd = -20.0, kMostLogStd = 2.0;

class Sac final : public TransitionAgent {
 public:
  Sac(const EnvSpec& spec, const SacConfig& config, at::Device device, uint64_t seed)
      : Sac(spec, config, device, seed, Rng(seed)) {}

  std::unique_ptr<Actor> actor(int64_t num_envs, const Acting& acting, uint64_t seed) override;

  void observe(const TensorMap& obs) override { features_.observe(obs); }

  // Actions for the environments' observations: [N, A] in [-1, 1] on the CPU. noise: null for the
  // most likely ones.
  at::Tensor act(const TensorMap& obs, const NoiseSource* noise) const {
    const at::NoGradGuard no_grad;
    const TanhGaussian pi = policy(features_(obs));
    return (noise != nullptr ? pi.draw(*noise).value : pi.center()).cpu();
  }

  at::Device device() const { return features_.device(); }

  SampleRequest request() const override {
    return {.batch = config_.minibatch, .spec = {.n_step = config_.n_step, .gamma = config_.gamma}};
  }

  Learned update(const Batch& batch) override {
    const at::Tensor s = features_(batch.obs);
    noise_.reseed(rng_.next_uint64());

    const at::Tensor y = target(batch);
    const at::Tensor q = critics_(with_action(s, batch.action)).squeeze(2);  // [2, B]
    const at::Tensor td_error = q - y;
    const at::Tensor squares = 0.5 * td_error.square();
    const at::Tensor critic_loss =
        (batch.weight.defined() ? batch.weight * squares : squares).mean(1).sum();
    critic_optimizer_.zero_grad();
    critic_loss.backward();
    critic_optimizer_.step();

    critics_.parameters().requires_grad(false);
    const auto [a, log_prob] = policy(s).draw(noise_);
    const at::Tensor actor_loss =
        (alpha() * log_prob - critics_(with_action(s, a)).squeeze(2).amin(0)).mean();
    actor_optimizer_.zero_grad();
    actor_loss.backward();
    actor_optimizer_.step();
    critics_.parameters().requires_grad(true);

    if (config_.learn_temperature) {
      const at::Tensor loss = -(log_alpha() * (log_prob.detach() + target_entropy_)).mean();
      temperature_optimizer_.zero_grad();
      loss.backward();
      temperature_optimizer_.step();
    }

    target_critics_.parameters().soft_update(critics_.parameters(), config_.tau);
    return {.metrics = {{"loss/critic", critic_loss.detach()},
                        {"loss/actor", actor_loss.detach()},
                        {"policy/entropy", -log_prob.detach().mean()},
                        {"policy/temperature", alpha()},
                        {"value/q", q.detach().mean()}},
            .td_error = td_error.detach().abs().amax(0)};
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
    features_.state(list);
  }

 private:
  Sac(const EnvSpec& spec, const SacConfig& config, at::Device device, uint64_t seed, Rng rng)
      : config_(config),
        features_(spec, config.normalize_observation, device),
        action_size_(continuous_action_size(spec)),
        target_entropy_(config.target_entropy != 0.0 ? config.target_entropy
                                                     : -static_cast<double>(action_size_)),
        actor_(features_.size(), config.hidden_sizes, 2 * action_size_, rng, device),
        critics_(2, features_.size() + action_size_, config.hidden_sizes, 1, rng, device),
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

  // y = r + discount (min_i Q_i'(s', a') - alpha log pi(a' | s')): [B]
  at::Tensor target(const Batch& batch) const {
    const at::NoGradGuard no_grad;
    const at::Tensor s_next = features_(batch.next_obs);
    const auto [a_next, log_prob] = policy(s_next).draw(noise_);
    const at::Tensor q = target_critics_(with_action(s_next, a_next)).squeeze(2).amin(0);
    return batch.reward + batch.discount * (q - alpha() * log_prob);
  }

  static at::Tensor with_action(const at::Tensor& s, const at::Tensor& a) {
    return at::cat({s, a}, 1);
  }

  at::Tensor log_alpha() const { return temperature_.at("log_alpha"); }
  at::Tensor alpha() const { return log_alpha().detach().exp().squeeze(); }  // [] without gradient

  const SacConfig config_;
  ObservationFeatures features_;
  int64_t action_size_;
  double target_entropy_;
  Mlp actor_;
  EnsembleMlp critics_, target_critics_;
  Parameters temperature_;
  Adam actor_optimizer_, critic_optimizer_, temperature_optimizer_;
  Rng rng_;
  NoiseSource noise_;  // restarted from rng_ at every update
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
