#include "agents/preferences/reward_model.h"

#include "agents/observation_features.h"
#include "agents/preferences/preference_training.h"
#include "nn/adam.h"
#include "nn/ensemble_mlp.h"
#include "nn/one_hot.h"
#include "nn/pch.h"

namespace reverie {

void RewardModelConfig::describe(ConfigFields& f) {
  f.add("hidden_sizes", hidden_sizes, "widths of the hidden layers", between(1, 65536));
  f.add("ensemble", ensemble, "networks whose mean is the reward", between(1, 100));
  f.add("learning_rate", learning_rate, "Adam's step size", above(0));
  f.add("weight_decay", weight_decay, "of AdamW", at_least(0));
  f.add("minibatch", minibatch, "pairs per update", between(1, 1 << 20));
  f.add("normalize_observation", normalize_observation,
        "standardise floating-point observations by mean and variance");
}

namespace {

// The numbers of an action that a network reads.
int64_t action_numbers(const ActionSpace& space) {
  const auto* discrete = std::get_if<DiscreteSpace>(&space);
  return discrete != nullptr ? discrete->n : std::get<Field>(space).numel();
}

class RewardModel final : public RewardAgent {
 public:
  RewardModel(const EnvSpec& spec, const RewardModelConfig& config, at::Device device, Rng rng)
      : actions_(action_numbers(spec.action)),
        features_(spec, config.normalize_observation, device),
        networks_(config.ensemble, features_.size() + actions_, config.hidden_sizes, 1, rng,
                  device),
        optimizer_(networks_.parameters(), {.learning_rate = config.learning_rate,
                                            .weight_decay = config.weight_decay,
                                            .decoupled_weight_decay = true}) {}

  std::unique_ptr<Actor> actor(int64_t /*num_envs*/, const Acting& /*acting*/,
                               uint64_t /*seed*/) override {
    fail_input(
        "a reward model gives rewards and no actions; `reverie dataset relabel IN OUT --reward-run "
        "RUN` writes a dataset with them to learn from");
  }

  void observe(const TensorMap& obs) override { features_.observe(obs); }

  Learned update(const Preferences& pairs) override {
    const at::Tensor advantage = advantages(pairs);  // [E, P]
    const at::Tensor preference = pairs.preference.to(features_.device());
    // -log sigmoid(x) where the second one was preferred, -log sigmoid(-x) where the first one was.
    const at::Tensor loss = (at::softplus(advantage) - preference * advantage).mean(1).sum();
    minimize(loss, {&optimizer_});
    return {
        .metrics = {{"loss/preferences", loss.detach() / static_cast<double>(advantage.size(0))},
                    {"accuracy/training", agreement(advantage.detach(), preference)}}};
  }

  at::Tensor accuracy(const Preferences& pairs) const override {
    const at::NoGradGuard no_grad;
    return agreement(advantages(pairs), pairs.preference.to(features_.device()));
  }

  at::Tensor rewards(const TensorMap& obs, const at::Tensor& action) const override {
    const at::NoGradGuard no_grad;
    return networks_(input(obs, action)).squeeze(2).mean(0).cpu();
  }

  void state(StateList& list) override {
    list.add("reward", networks_);
    list.add("reward", optimizer_);
    features_.state(list);
  }

 private:
  at::Tensor input(const TensorMap& obs, const at::Tensor& action) const {
    const at::Tensor a = action.to(features_.device());
    const at::Tensor numbers =
        a.scalar_type() == at::kLong ? one_hot_code(a, actions_) : a.to(at::kFloat);
    return at::cat({features_(obs), numbers.view({numbers.size(0), actions_})}, 1);
  }

  // R(second) - R(first) of each network: [E, P].
  at::Tensor advantages(const Preferences& pairs) const {
    const int64_t count = pairs.action.size(0), length = pairs.action.size(2);
    TensorMap obs;
    for (const auto& [name, values] : pairs.obs) obs.add(name, values.flatten(0, 2));
    const at::Tensor r = networks_(input(obs, pairs.action.flatten(0, 2)));  // [E, P 2 L, 1]
    const at::Tensor sums = r.view({r.size(0), count, 2, length}).sum(3);
    return sums.select(2, 1) - sums.select(2, 0);
  }

  // The mean of the ensemble decides.
  static at::Tensor agreement(const at::Tensor& advantage, const at::Tensor& preference) {
    return (advantage.mean(0) > 0.0).eq(preference > 0.5).to(at::kFloat).mean();
  }

  const int64_t actions_;
  ObservationFeatures features_;
  EnsembleMlp networks_;
  Adam optimizer_;
};

}  // namespace

std::unique_ptr<Agent> RewardModelConfig::make(const EnvSpec& spec, at::Device device,
                                               uint64_t seed) const {
  return std::make_unique<RewardModel>(spec, *this, device, Rng(seed));
}

AgentEntry reward_model_entry() {
  return {.name = "reward-model",
          .summary = "rewards from preferences over segments (Christiano et al. 2017)",
          .config = [] { return std::make_unique<RewardModelConfig>(); },
          .training = [] { return std::make_unique<PreferenceTraining>(); },
          .acts = false};
}

}  // namespace reverie
