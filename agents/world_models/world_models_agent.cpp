#include "agents/world_models/world_models_agent.h"

#include "agents/world_models/world_models_training.h"
#include "core/random.h"
#include "core/text.h"
#include "nn/pch.h"
#include "nn/state_list.h"

namespace reverie {

void WorldModelsConfig::describe(ConfigFields& f) {
  model.vision.describe(f);
  vision_training.describe(f);
  model.memory.describe(f);
  model.memory_training.describe(f);
  f.add("sequence_length", sequence_length, "steps of a sequence that the memory learns from",
        between(1, 1 << 20));
  f.add("rnn_minibatch", rnn_minibatch, "sequences of a gradient step of the memory",
        between(1, 1 << 20));
  strategy.describe(f);
  f.add("controller_input", controller_input,
        "what the controller reads: the latent of the picture, the memory's output, or both",
        {"both", "latent", "memory"});
  f.add("hidden_sizes", hidden_sizes, "widths of the controller's hidden layers; empty = linear",
        between(1, 65536));
  f.add("episodes", episodes, "episodes of each candidate in a generation", between(1, 1 << 20));
  describe_acting(f);
}

void WorldModelsConfig::describe_acting(ConfigFields& f) {
  f.add(
      "acts_by", acts_by,
      "how a policy acts: by its controller, or by plans for the rewards that its memory predicts",
      {"controller", "plan"});
  f.add("plan_discount", plan_discount, "discount of predicted rewards per decision, with plans",
        between(0, 1));
  planning.describe(f);
}

namespace {

int64_t input_size(const WorldModelsConfig& config) {
  const int64_t latent = config.model.vision.latent_size, memory = config.model.memory.memory_size;
  if (config.controller_input == "latent") return latent;
  return config.controller_input == "memory" ? memory : latent + memory;
}

// Sees, remembers and acts with rows of weights, [L, n].
class ControllerActor final : public Actor {
 public:
  ControllerActor(const WorldModelsAgent& agent, const VisionMemory& model, at::Tensor weights,
                  int64_t num_envs)
      : agent_(agent), weights_(std::move(weights)), perception_(model, num_envs) {}

  Decision act(const TensorMap& obs) override {
    const at::Tensor input = agent_.controller_input(perception_.see(obs.at("pixels")));
    const at::Tensor action = agent_.controllers().act_in_turn(weights_, input);
    perception_.act(action);
    return {action};
  }

  void on_episode_start(const at::Tensor& env_mask) override { perception_.begin(env_mask); }
  void on_idle(const at::Tensor& env_mask) override { perception_.ignore(env_mask); }
  void state(StateList& list) override { perception_.state(list); }

 private:
  const WorldModelsAgent& agent_;
  const at::Tensor weights_;
  Perception perception_;
};

}  // namespace

WorldModelsAgent::WorldModelsAgent(const EnvSpec& spec, const WorldModelsConfig& config,
                                   at::Device device, uint64_t seed)
    : WorldModelsAgent(spec, config, device, seed, Rng(seed)) {}

WorldModelsAgent::WorldModelsAgent(const EnvSpec& spec, const WorldModelsConfig& config,
                                   at::Device device, uint64_t seed, Rng rng)
    : config_(config),
      model_(spec, config.model, rng, device),
      vision_learner_(model_.vision(), config.vision_training,
                      mix_seed({seed, name_hash("vision")})),
      memory_learner_(model_.memory(), config.model.memory_training,
                      mix_seed({seed, name_hash("memory")})),
      controllers_(spec, input_size(config), config.hidden_sizes),
      strategy_(make_evolution_strategy(config.strategy,
                                        at::zeros({controllers_.size()}, at::kDouble),
                                        mix_seed({seed, name_hash("controller")}))),
      weights_(at::zeros({1, controllers_.size()}, at::device(device))) {}

std::unique_ptr<Actor> WorldModelsAgent::actor(int64_t num_envs, const Acting& /*acting*/,
                                               uint64_t seed) {
  if (config_.acts_by == "plan") {
    REVERIE_CHECK(config_.model.memory.predicts_reward && config_.model.memory.predicts_end,
                  "--acts-by plan: plans need the rewards and ends that the memory predicts; train "
                  "it with --predict-reward true --predict-end true");
    return std::make_unique<PlanningPolicy>(
        model_, PlanningTask{.cost = negative_return(model_, config_.plan_discount)},
        config_.planning, seed);
  }
  return std::make_unique<ControllerActor>(*this, model_, weights_, num_envs);
}

std::unique_ptr<Actor> WorldModelsAgent::begin_generation(int64_t num_envs) {
  return std::make_unique<ControllerActor>(
      *this, model_, strategy_->ask().to(weights_.device(), at::kFloat), num_envs);
}

void WorldModelsAgent::end_generation(const std::vector<double>& returns) {
  tell_returns(*strategy_, returns);
  weights_.copy_(strategy_->mean().unsqueeze(0));
}

at::Tensor WorldModelsAgent::controller_input(const Perception::Seen& seen) const {
  if (config_.controller_input == "latent") return seen.z;
  return config_.controller_input == "memory" ? seen.h : seen.joined();
}

void WorldModelsAgent::state(StateList& list) {
  model_.state(list);
  list.add_weights("controller", weights_);
  list.add("vision_learner", vision_learner_);
  list.add("memory_learner", memory_learner_);
  list.add("strategy", *strategy_);
}

std::unique_ptr<Agent> WorldModelsConfig::make(const EnvSpec& spec, at::Device device,
                                               uint64_t seed) const {
  return std::make_unique<WorldModelsAgent>(spec, *this, device, seed);
}

AgentEntry world_models_entry() {
  return {.name = "world-models",
          .summary =
              "a VAE, a recurrent model of its latents, a controller by evolution (Ha & "
              "Schmidhuber 2018)",
          .config = [] { return std::make_unique<WorldModelsConfig>(); },
          .training = [] { return std::make_unique<WorldModelsTraining>(); },
          .reads_pixels = true};
}

}  // namespace reverie
