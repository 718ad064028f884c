#include "agents/evolution/evolution_agent.h"

#include <cmath>

#include "agents/evolution/evolution_training.h"
#include "nn/pch.h"
#include "nn/state_list.h"

namespace reverie {

void EvolutionConfig::describe(ConfigFields& f) {
  strategy.describe(f);
  f.add("hidden_sizes", hidden_sizes,
        "widths of the hidden layers of the policy; empty = linear in the observation",
        between(1, 65536));
  f.add("episodes", episodes, "episodes of each candidate in a generation", between(1, 1 << 20));
  f.add("normalize_observation", normalize_observation,
        "standardise observations by running mean and variance");
}

namespace {

// Acts with rows of weights, [L, n]: the mean of the distribution, or candidates.
class WeightsActor final : public Actor {
 public:
  WeightsActor(const EvolutionAgent& agent, at::Tensor weights)
      : agent_(agent), weights_(std::move(weights)) {}

  Decision act(const TensorMap& obs) override { return {agent_.act(weights_, obs)}; }

 private:
  const EvolutionAgent& agent_;
  const at::Tensor weights_;
};

}  // namespace

EvolutionAgent::EvolutionAgent(const EnvSpec& spec, const EvolutionConfig& config,
                               at::Device device, uint64_t seed)
    : episodes_(config.episodes),
      features_(spec, config.normalize_observation, device),
      next_features_(spec, config.normalize_observation, device),
      policies_(spec, features_.size(), config.hidden_sizes),
      strategy_(make_evolution_strategy(config.strategy, at::zeros({policies_.size()}, at::kDouble),
                                        seed)),
      weights_(at::zeros({1, policies_.size()}, at::device(device))) {}

std::unique_ptr<Actor> EvolutionAgent::actor(int64_t /*num_envs*/, const Acting& /*acting*/,
                                             uint64_t /*seed*/) {
  return std::make_unique<WeightsActor>(*this, weights_);
}

void EvolutionAgent::state(StateList& list) {
  list.add_weights("policy", weights_);
  list.add("strategy", *strategy_);
  features_.state(list);
}

std::unique_ptr<Actor> EvolutionAgent::begin_generation(int64_t /*num_envs*/) {
  load_state(next_features_, take_checkpoint(features_));
  return std::make_unique<WeightsActor>(*this, strategy_->ask().to(weights_.device(), at::kFloat));
}

at::Tensor EvolutionAgent::act(const at::Tensor& weights, const TensorMap& obs) const {
  return policies_.act_in_turn(weights, features_(obs));
}

void EvolutionAgent::end_generation(const std::vector<double>& returns) {
  tell_returns(*strategy_, returns);
  weights_.copy_(strategy_->mean().unsqueeze(0));
  load_state(features_, take_checkpoint(next_features_));
}

std::unique_ptr<Agent> EvolutionConfig::make(const EnvSpec& spec, at::Device device,
                                             uint64_t seed) const {
  return std::make_unique<EvolutionAgent>(spec, *this, device, seed);
}

AgentEntry evolution_entry() {
  return {.name = "evolution",
          .summary = "a small policy by an evolution strategy: CMA-ES and others (Hansen 2016)",
          .config = [] { return std::make_unique<EvolutionConfig>(); },
          .training = [] { return std::make_unique<EvolutionTraining>(); }};
}

}  // namespace reverie
