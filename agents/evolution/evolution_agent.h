#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "agents/agent.h"
#include "agents/evolution/candidate_policies.h"
#include "agents/evolution/evolution_strategy.h"
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

class EvolutionAgent : public Agent {
 public:
  EvolutionAgent(const EnvSpec& spec, const EvolutionConfig& config, at::Device device,
                 uint64_t seed);

  std::unique_ptr<Actor> actor(int64_t num_envs, const Acting& acting, uint64_t seed) override;
  void state(StateList& list) override;

  // Begins this generation, or begins it again. Returns its candidates, [L, n] float32.
  at::Tensor begin_generation();

  // Adds observations of the candidates to the statistics that the next generation will see.
  void note(const TensorMap& obs) { next_features_.observe(obs); }

  // Actions of candidate i % L for row i of the observations, on the CPU. obs: [N, ...], N a
  // multiple of L; weights: [L, n].
  at::Tensor act(const at::Tensor& weights, const TensorMap& obs) const;

  // Ends the generation with the candidates' returns, [L]. Throws Error(kRun) when one is not
  // finite.
  void end_generation(const std::vector<double>& returns);

  const EvolutionStrategy& strategy() const { return *strategy_; }
  int64_t episodes() const { return episodes_; }  // of each candidate
  int64_t population() const { return strategy_->population(); }

 private:
  const int64_t episodes_;
  ObservationFeatures features_, next_features_;
  CandidatePolicies policies_;
  std::unique_ptr<EvolutionStrategy> strategy_;
  at::Tensor weights_;  // [1, n] float32: what evaluation acts with
};

AgentEntry evolution_entry();

}  // namespace reverie
