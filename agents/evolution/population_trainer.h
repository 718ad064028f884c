#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agents/evolution/population_agent.h"
#include "agents/run_config.h"
#include "agents/space_adapter.h"
#include "agents/training/trainer.h"
#include "envs/vector_env.h"
#include "envs/wrappers/training_limits.h"

namespace reverie {

// What a population plays, and for how long.
struct PopulationTask {
  std::function<std::unique_ptr<VectorEnv>(const VectorEnvOptions& options)> make_env;
  int64_t length = 0;  // [steps] of all environments
  uint64_t seed = 0;   // of the episodes
  int threads = 1;
};

// A run's environment, within its limits of training episodes.
PopulationTask population_task(const RunConfig& config, const TrainingLimits& limits,
                               int64_t length);

// Trains a PopulationAgent, a generation of candidates after the other. All candidates play the
// same episodes side by side: episode e of generation g begins in the same way for each (common
// random numbers), so that their returns differ by what they do.
//
// A turn is a step of every environment; those of candidates that have played all of their episodes
// do not count. Training ends with the first generation that reaches the task's length, or when the
// strategy says that going on is pointless (EvolutionStrategy::stop_reason()). A checkpoint in the
// middle of a generation holds its beginning: a resumed run plays the generation again, with the
// same result. Counts environment steps; an update is a generation.
class PopulationTrainer : public Trainer {
 public:
  // Environments that are stepped together, unless there are more candidates.
  static constexpr int64_t kMostEnvs = 128;

  // The agent must outlive it. spec: the environments' own.
  PopulationTrainer(PopulationAgent& agent, const EnvSpec& spec, PopulationTask task);

  void start() override {}
  void turn() override;
  TrainingCounts counts() const override;
  Agent& agent() override { return agent_; }
  TrainingRow metrics() override;
  void finish(const TrainingSession& session) override;

  // Lists its own progress, without the agent.
  void state(StateList& list) override;

 private:
  struct Generation {
    double best, mean;  // return of a candidate
  };

  void begin_generation();
  void note(const TensorMap& obs);
  void add(const Episode& episode);
  void end_generation();

  PopulationAgent& agent_;
  const PopulationTask task_;
  const int64_t population_, lanes_;
  SpaceAdapter adapter_;
  int64_t steps_ = 0;        // of all environments
  int64_t told_steps_ = 0;   // those of complete generations
  int64_t generations_ = 0;  // complete ones
  std::string stop_reason_;  // of the strategy behind them; counts() is asked many times a turn

  // Of the generation that is played; null between two.
  std::unique_ptr<VectorEnv> env_;
  std::unique_ptr<Actor> candidates_;
  std::vector<double> returns_;  // [L] means
  at::Tensor playing_;           // the environments with episodes left, int64

  std::vector<Episode> logged_;       // ended since the last row of the log
  std::optional<Generation> latest_;  // not logged yet
};

}  // namespace reverie
