#include "agents/gamma_model/gamma_model.h"

#include <algorithm>
#include <utility>

#include "agents/continuous_actions.h"
#include "agents/observation_features.h"
#include "agents/off_policy/critic_loss.h"
#include "agents/training/transition_trainer.h"
#include "nn/adam.h"
#include "nn/gaussian_mixture.h"
#include "nn/mlp.h"
#include "nn/noise_source.h"
#include "nn/pch.h"

namespace reverie {

void GammaModelConfig::describe(ConfigFields& f) {
  f.add("mixtures", mixtures, "Gaussians of the mixture", between(1, 1000));
  f.add("hidden_sizes", hidden_sizes, "widths of the hidden layers of model and reward",
        between(1, 65536));
  f.add("learning_rate", learning_rate, "Adam's step size", above(0));
  f.add("gamma", gamma, "discount per environment step; 0 = a model of one step",
        {.low = 0, .high = 1, .open_high = true});
  f.add("tau", tau, "share of the online weights in each target update",
        {.low = 0, .high = 1, .open_low = true});
  f.add("minibatch", minibatch, "transitions per update", between(1, 1 << 20));
  f.add("normalize_observation", normalize_observation,
        "standardise floating-point observations by mean and variance");
  describe_acting(f);
}

void GammaModelConfig::describe_acting(ConfigFields& f) {
  f.add("candidates", candidates, "uniform actions of which evaluation takes the best",
        between(1, 1 << 16));
  f.add("samples", samples, "future states that the value of an action is the mean over",
        between(1, 1 << 16));
}

namespace {

// Of future states in one pass of the reward's network: 64 MB a layer of 256 units.
constexpr int64_t kMostDraws = 1 << 16;

// Uniform numbers in (0, 1].
at::Tensor uniform(const NoiseSource& noise, at::IntArrayRef shape) {
  return at::exp(-noise.exponential(shape));
}

class GammaModel final : public TransitionAgent, public ValuesStates, public FutureStates {
 public:
  GammaModel(const EnvSpec& spec, const GammaModelConfig& config, at::Device device, uint64_t seed)
      : GammaModel(spec, config, device, seed, Rng(seed)) {}

  std::unique_ptr<Actor> actor(int64_t num_envs, const Acting& acting, uint64_t seed) override;

  void observe(const TensorMap& obs) override { features_.observe(obs); }

  SampleRequest request() const override {
    return {.batch = config_.minibatch, .spec = {.gamma = config_.gamma, .next_action = true}};
  }

  Learned update(const Batch& batch) override {
    noise_.reseed(rng_.next_uint64());
    const at::Tensor s = features_(batch.obs), s_next = features_(batch.next_obs);
    const at::Tensor x = future(batch, s_next);
    const at::Tensor log_prob = mixture(model_, with_action(s, batch.action)).log_prob(x);
    // Without a' there is nothing to bootstrap from, unless the episode ended.
    const at::Tensor counts = at::maximum(batch.has_next_action, batch.discount.eq(0.0));
    const at::Tensor loss = -(counts * log_prob).sum() / counts.sum().clamp_min(1.0);
    minimize(loss, {&model_optimizer_});
    target_.parameters().soft_update(model_.parameters(), config_.tau);

    const at::Tensor reward_loss = (reward_(s_next).squeeze(1) - batch.reward).square().mean();
    minimize(reward_loss, {&reward_optimizer_});
    return {.metrics = {{"loss/model", loss.detach()}, {"loss/reward", reward_loss.detach()}}};
  }

  at::Tensor draw_future(const TensorMap& obs, const at::Tensor& action, int64_t count,
                         uint64_t seed) const override {
    const at::NoGradGuard no_grad;
    const NoiseSource noise(features_.device(), seed);
    const at::Tensor sa = with_action(features_(obs), action.to(features_.device()));
    const at::Tensor x = mixture(model_, sa).draw(count, noise);
    return features_.restored(x.flatten(0, 1)).view_as(x).cpu();
  }

  at::Tensor values(const TensorMap& obs) const override {
    return best_action(obs, NoiseSource(features_.device(), 0)).value.cpu();
  }

  // The best of uniform actions and its value: [N, A], [N].
  struct Choice {
    at::Tensor action, value;
  };
  Choice best_action(const TensorMap& obs, const NoiseSource& noise) const {
    const at::NoGradGuard no_grad;
    std::vector<at::Tensor> actions, values;
    const int64_t rows = std::max<int64_t>(1, kMostDraws / (config_.candidates * config_.samples));
    for (const at::Tensor& s : features_(obs).split(rows)) {
      Choice part = best_of(s, noise);
      actions.push_back(std::move(part.action));
      values.push_back(std::move(part.value));
    }
    return {.action = at::cat(actions), .value = at::cat(values)};
  }

  Choice best_of(const at::Tensor& s, const NoiseSource& noise) const {
    const int64_t rows = s.size(0), c = config_.candidates, m = config_.samples;
    const at::Tensor a = 1.0 - 2.0 * uniform(noise, {rows * c, action_size_});
    const at::Tensor sa = with_action(s.repeat_interleave(c, 0), a);
    const at::Tensor x = mixture(model_, sa).draw(m, noise);  // [N C, M, D]
    const at::Tensor r = reward_(x.flatten(0, 1)).view({rows, c, m});
    const auto [value, index] = (r.mean(2) / (1.0 - config_.gamma)).max(1);
    const at::Tensor each = index.view({rows, 1, 1}).expand({rows, 1, action_size_});
    return {.action = a.view({rows, c, action_size_}).gather(1, each).squeeze(1), .value = value};
  }

  at::Device device() const { return features_.device(); }

  void state(StateList& list) override {
    list.add("model", model_);
    list.add("target", target_);
    list.add("reward", reward_);
    list.add("model", model_optimizer_);
    list.add("reward", reward_optimizer_);
    list.add("agent.rng", rng_);
    features_.state(list);
  }

 private:
  GammaModel(const EnvSpec& spec, const GammaModelConfig& config, at::Device device, uint64_t seed,
             Rng rng)
      : config_(config),
        action_size_(continuous_action_size(spec)),
        features_(spec, config.normalize_observation, device),
        model_(features_.size() + action_size_, config.hidden_sizes,
               GaussianMixture::size(config.mixtures, features_.size()), rng, device),
        target_(model_),
        reward_(features_.size(), config.hidden_sizes, 1, rng, device),
        model_optimizer_(model_.parameters(), {.learning_rate = config.learning_rate}),
        reward_optimizer_(reward_.parameters(), {.learning_rate = config.learning_rate}),
        rng_(update_rng(seed)),
        noise_(device, 0) {}

  GaussianMixture mixture(const Mlp& network, const at::Tensor& sa) const {
    return {network(sa), config_.mixtures, features_.size()};
  }

  // x: s', or with the probability of the discount a draw of G'(. | s', a'): [B, D].
  at::Tensor future(const Batch& batch, const at::Tensor& s_next) const {
    const at::NoGradGuard no_grad;
    const at::Tensor later =
        mixture(target_, with_action(s_next, batch.next_action)).draw(1, noise_).squeeze(1);
    const at::Tensor goes_on = uniform(noise_, {s_next.size(0)}) < batch.discount;
    return at::where(goes_on.unsqueeze(1), later, s_next);
  }

  const GammaModelConfig config_;
  const int64_t action_size_;
  ObservationFeatures features_;
  Mlp model_, target_, reward_;
  Adam model_optimizer_, reward_optimizer_;
  Rng rng_;
  NoiseSource noise_;  // restarted from rng_ at every update
};

class GammaModelActor final : public Actor {
 public:
  GammaModelActor(const GammaModel& agent, uint64_t seed)
      : agent_(agent), rng_(seed), noise_(agent.device(), 0) {}

  Decision act(const TensorMap& obs) override {
    noise_.reseed(rng_.next_uint64());
    return {agent_.best_action(obs, noise_).action.cpu()};
  }

  void state(StateList& list) override { list.add("rng", rng_); }

 private:
  const GammaModel& agent_;
  Rng rng_;
  NoiseSource noise_;  // restarted from rng_ at every step
};

std::unique_ptr<Actor> GammaModel::actor(int64_t /*num_envs*/, const Acting& /*acting*/,
                                         uint64_t seed) {
  return std::make_unique<GammaModelActor>(*this, seed);
}

}  // namespace

std::unique_ptr<Agent> GammaModelConfig::make(const EnvSpec& spec, at::Device device,
                                              uint64_t seed) const {
  return std::make_unique<GammaModel>(spec, *this, device, seed);
}

AgentEntry gamma_model_entry() {
  return {.name = "gamma-model",
          .summary = "generative model of discounted future states (Janner et al. 2020)",
          .config = [] { return std::make_unique<GammaModelConfig>(); },
          .training = [] { return std::make_unique<TransitionTraining>(); }};
}

}  // namespace reverie
