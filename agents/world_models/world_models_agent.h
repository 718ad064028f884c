#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "agents/evolution/candidate_policies.h"
#include "agents/evolution/population_agent.h"
#include "agents/planning/planning_policy.h"
#include "agents/training/world_model_agent.h"
#include "agents/world_models/vision_memory.h"
#include "worldmodel/vae/vae_learner.h"

namespace reverie {

// World Models (Ha & Schmidhuber 2018, arXiv:1803.10122): V, a VAE, turns each picture into a
// latent z; M, an MDN-RNN, remembers in h what was seen and predicts what comes next; C, a small
// controller, acts on both. Each learns by itself, one after the other (WorldModelsTraining):
//
//   V   reconstructs pictures                       L = -log p(x|z) + KL
//   M   predicts latents, rewards and ends          L = -log p(z' | h) + ...
//   C   a = tanh(W [z, h] + b), by CMA-ES on returns
//
// With `--acts-by plan` it plans in M's latents for the rewards and ends that M predicts, without
// C.
//
// Differs: z is the mean of V's code where C acts, not a draw; M learns from sequences of 32 steps
// instead of whole episodes, and rewards and ends too; actions are tanh within their bounds, where
// the paper clips gas and brake to [0, 1].
struct WorldModelsConfig : AgentConfig {
  WorldModelsConfig() {
    strategy.maximize = true;
    strategy.population = 64;
    strategy.initial_sigma = 0.1;
  }

  VisionMemoryOptions model;
  VaeTrainingOptions vision_training;
  int64_t sequence_length = 32;  // steps that M learns from at once
  int64_t rnn_minibatch = 100;   // sequences

  EvolutionOptions strategy;
  std::string controller_input = "both";  // or "latent", "memory"
  std::vector<int64_t> hidden_sizes = {};
  int64_t episodes = 16;  // of each candidate in a generation

  std::string acts_by = "controller";  // or "plan": by the rewards that M predicts
  PlanningOptions planning;
  double plan_discount = 0.99;

  void describe(ConfigFields& fields) override;
  void describe_acting(ConfigFields& fields) override;

  // Throws Error(kInput) as VisionMemory and CandidatePolicies do.
  std::unique_ptr<Agent> make(const EnvSpec& spec, at::Device device, uint64_t seed) const override;
};

class WorldModelsAgent final : public PopulationAgent, public HasWorldModel {
 public:
  WorldModelsAgent(const EnvSpec& spec, const WorldModelsConfig& config, at::Device device,
                   uint64_t seed);

  // Acts with the mean of the controllers' distribution, or by plans.
  std::unique_ptr<Actor> actor(int64_t num_envs, const Acting& acting, uint64_t seed) override;
  void state(StateList& list) override;

  std::unique_ptr<Actor> begin_generation(int64_t num_envs) override;
  void end_generation(const std::vector<double>& returns) override;
  const EvolutionStrategy& strategy() const override { return *strategy_; }
  int64_t episodes() const override { return config_.episodes; }

  const WorldModelsConfig& config() const { return config_; }
  VisionMemory& model() override { return model_; }
  const PlanningOptions& planning() const override { return config_.planning; }
  VaeLearner& vision_learner() { return vision_learner_; }
  MdnRnnLearner& memory_learner() { return memory_learner_; }
  const CandidatePolicies& controllers() const { return controllers_; }

  // What the controller reads of what is seen and remembered: [N, F].
  at::Tensor controller_input(const Perception::Seen& seen) const;

 private:
  WorldModelsAgent(const EnvSpec& spec, const WorldModelsConfig& config, at::Device device,
                   uint64_t seed, Rng rng);

  const WorldModelsConfig config_;
  VisionMemory model_;
  VaeLearner vision_learner_;
  MdnRnnLearner memory_learner_;
  CandidatePolicies controllers_;
  std::unique_ptr<EvolutionStrategy> strategy_;
  at::Tensor weights_;  // [1, n] float32: what evaluation acts with
};

AgentEntry world_models_entry();

}  // namespace reverie
