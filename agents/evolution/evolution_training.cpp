#include "agents/evolution/evolution_training.h"

#include "agents/evolution/population_trainer.h"
#include "agents/training/gathering.h"
#include "nn/pch.h"

namespace reverie {

EvolutionTraining::EvolutionTraining() {
  drive_options.log_every = 10000;
  drive_options.evaluate_every = 100000;
}

void EvolutionTraining::describe(ConfigFields& f) {
  describe_limits(f, limits);
  drive_options.describe(f);
  drive_options.describe_evaluation(f);
}

int64_t EvolutionTraining::length(const RunConfig& config) const { return config.total_steps(); }

namespace {

// The population's trainer, with the agent that it trains.
class EvolutionTrainer final : public Trainer {
 public:
  EvolutionTrainer(const RunConfig& config, const EvolutionTraining& training)
      : spec_(config.env_config->spec()),
        agent_(make_agent_of<PopulationAgent>(config, SpaceAdapter::adapt(spec_),
                                              "returns of candidates")),
        trainer_(*agent_, spec_,
                 population_task(config, training.limits, training.length(config))) {}

  void start() override { trainer_.start(); }
  void turn() override { trainer_.turn(); }
  TrainingCounts counts() const override { return trainer_.counts(); }
  Agent& agent() override { return *agent_; }
  TrainingRow metrics() override { return trainer_.metrics(); }
  void finish(const TrainingSession& session) override { trainer_.finish(session); }
  void state(StateList& list) override {
    agent_->state(list);
    trainer_.state(list);
  }

 private:
  const EnvSpec spec_;
  std::unique_ptr<PopulationAgent> agent_;
  PopulationTrainer trainer_;
};

}  // namespace

std::unique_ptr<Trainer> EvolutionTraining::make(const RunConfig& config,
                                                 const Say& /*say*/) const {
  return std::make_unique<EvolutionTrainer>(config, *this);
}

}  // namespace reverie
