#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "agents/agent.h"
#include "agents/evolution/candidate_policies.h"
#include "agents/evolution/evolution_strategy.h"
#include "agents/evolution/population_agent.h"
#include "agents/observation_features.h"

namespace reverie {

// A small policy whose weights an evolution strategy finds by the returns of whole episodes:
// neither a value function nor a gradient is needed, so rewards may be sparse, delayed or of any
// form.
//
//   candidates   x_i ~ the strategy's distribution, i = 1 .. L
//   values       the mean return of `episodes` episodes of each, all from the same starts
//   update       the strategy learns their order (agents/evolution/evolution_strategy.h)
//
// Evaluation acts with the mean of the distribution. Observations are standardised by statistics
// that change only between generations (Salimans et al. 2017, arXiv:1703.03864, section 2.1; Mania
// et al. 2018, arXiv:1803.07055).
struct EvolutionConfig : AgentConfig {
  EvolutionConfig() { strategy.maximize = true; }

  EvolutionOptions strategy;
  std::vector<int64_t> hidden_sizes = {};  // linear
  int64_t episodes = 4;                    // of each candidate in a generation
  bool normalize_observation = true;

  void describe(ConfigFields& fields) override;

  // Throws Error(kInput) for an environment without floating-point fields.
  std::unique_ptr<Agent> make(const EnvSpec& spec, at::Device device, uint64_t seed) const override;
};

class EvolutionAgent final : public PopulationAgent {
 public:
  EvolutionAgent(const EnvSpec& spec, const EvolutionConfig& config, at::Device device,
                 uint64_t seed);

  std::unique_ptr<Actor> actor(int64_t num_envs, const Acting& acting, uint64_t seed) override;
  void state(StateList& list) override;

  std::unique_ptr<Actor> begin_generation(int64_t num_envs) override;
  void note(const TensorMap& obs) override { next_features_.observe(obs); }
  void end_generation(const std::vector<double>& returns) override;
  const EvolutionStrategy& strategy() const override { return *strategy_; }
  int64_t episodes() const override { return episodes_; }

  // Actions of candidate i % L for row i of the observations, on the CPU. obs: [N, ...], N a
  // multiple of L; weights: [L, n].
  at::Tensor act(const at::Tensor& weights, const TensorMap& obs) const;

 private:
  const int64_t episodes_;
  ObservationFeatures features_, next_features_;
  CandidatePolicies policies_;
  std::unique_ptr<EvolutionStrategy> strategy_;
  at::Tensor weights_;  // [1, n] float32: what evaluation acts with
};

AgentEntry evolution_entry();

}  // namespace reverie
