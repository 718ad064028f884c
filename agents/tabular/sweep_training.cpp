#include "agents/tabular/sweep_training.h"

#include <algorithm>

#include "agents/space_adapter.h"
#include "agents/training/gathering.h"
#include "agents/training/trainer.h"
#include "nn/pch.h"

namespace reverie {

double backup(const FiniteMdp& mdp, int64_t state, int64_t action, const double* v, double gamma) {
  double value = 0.0;
  for (const auto& [probability, next, reward] : mdp.outcomes(state, action)) {
    value += probability * (reward + gamma * v[next]);
  }
  return value;
}

SweepTraining::SweepTraining() {
  drive_options.log_every = 1;
  drive_options.checkpoint_every = 1000;
}

void SweepTraining::describe(ConfigFields& f) {
  drive_options.describe(f);
  drive_options.describe_evaluation(f);
}

int64_t SweepTraining::length(const RunConfig& config) const { return config.total_steps(); }

namespace {

class SweepTrainer final : public Trainer {
 public:
  SweepTrainer(std::unique_ptr<SweepAgent> agent, FiniteMdp mdp)
      : mdp_(std::move(mdp)), agent_(std::move(agent)) {}

  void start() override {}

  void turn() override {
    const SweepAgent::Sweep sweep = agent_->sweep(mdp_);
    residual_ = sweep.residual;
    solved_ = sweep.solved;
    ++sweeps_;
  }

  TrainingCounts counts() const override {
    return {.position = sweeps_, .updates = sweeps_, .is_done = solved_};
  }

  Agent& agent() override { return *agent_; }

  TrainingRow metrics() override {
    TrainingRow row;
    if (sweeps_ == 0) return row;
    const std::vector<double> values = agent_->q().values();
    const auto [least, greatest] = std::minmax_element(values.begin(), values.end());
    row.values = {{"loss/residual", residual_},
                  {"value/least", *least},
                  {"value/greatest", *greatest},
                  {"solved", solved_ ? 1.0 : 0.0}};
    row.shown = {{"residual", residual_}};
    return row;
  }

  void state(StateList& list) override {
    agent_->state(list);
    list.add("updates", sweeps_);
    list.add("residual", residual_);
    list.add("solved", solved_);
    list.after_load([this] {
      REVERIE_CHECK(sweeps_ >= 0, "state.json: updates {}, expected at least 0", sweeps_);
    });
  }

  void finish(const TrainingSession& session) override {
    session.progress.message(
        solved_ ? fmt::format("solved after {} sweeps", sweeps_)
                : fmt::format("not solved after {} sweeps: the last one changed a value by {:.3g}",
                              sweeps_, residual_));
  }

 private:
  const FiniteMdp mdp_;
  std::unique_ptr<SweepAgent> agent_;
  int64_t sweeps_ = 0;
  double residual_ = 0.0;  // of the last sweep
  bool solved_ = false;
};

}  // namespace

std::unique_ptr<Trainer> SweepTraining::make(const RunConfig& config, const Say& /*say*/) const {
  auto agent = make_agent_of<SweepAgent>(config, SpaceAdapter::adapt(config.env_config->spec()),
                                         "an exact model");
  std::optional<FiniteModel> model = config.env_config->finite_model();
  REVERIE_CHECK(model.has_value(),
                "{} has no exact model of its states, which {} plans in; try gridmaze-umaze",
                config.env, config.agent);
  return std::make_unique<SweepTrainer>(std::move(agent), std::move(model->mdp));
}

}  // namespace reverie
