#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "agents/agent.h"
#include "agents/evolution/evolution_strategy.h"

namespace reverie {

// An agent that learns from the returns of candidates, a generation after the other
// (population_trainer.h). Letters: L candidates, N environments, a multiple of L.
class PopulationAgent : public Agent {
 public:
  // Begins this generation, or begins it again. Candidate i % L plays environment i.
  virtual std::unique_ptr<Actor> begin_generation(int64_t num_envs) = 0;

  // Learns from observations of the candidates what the next generation will see by, such as
  // statistics.
  virtual void note(const TensorMap& obs);

  // Ends the generation with the candidates' mean returns, [L]. Throws Error(kRun) when one is not
  // finite.
  virtual void end_generation(const std::vector<double>& returns) = 0;

  virtual const EvolutionStrategy& strategy() const = 0;
  int64_t population() const { return strategy().population(); }  // L
  virtual int64_t episodes() const = 0;                           // of each candidate
};

// Tells the candidates' returns to a strategy. Throws Error(kRun) when one is not finite.
void tell_returns(EvolutionStrategy& strategy, const std::vector<double>& returns);

}  // namespace reverie
