#include "agents/training/transition_trainer.h"

#include <memory>

#include "agents/training/gathering.h"
#include "agents/training/transition_learner.h"
#include "agents/training/vector_env_state.h"
#include "nn/pch.h"

namespace reverie {

void TransitionTraining::describe(ConfigFields& f) {
  f.add("dataset", data.path, "dataset to learn from; \"\" = gathered experience");
  f.add(
      "updates", data.updates,
      fmt::format("with --dataset: updates before experience is gathered; 0 = {}", kDefaultUpdates),
      at_least(0));
  f.add("dataset_share", data.share,
        "with --dataset and --steps: the dataset's share of each batch", between(0, 1));
  f.add("best_episodes", data.best_episodes,
        "with --dataset: the share of its episodes to learn from, those that returned most",
        {.low = 0, .high = 1, .open_low = true});
  describe_learning(f);
  f.add("overlap", gathering.overlap,
        "learn while the environments step; the run stays repeatable");
  drive_options.describe(f);
  f.add("save_replay", replay.save_replay,
        "save the replay buffer too, so that a run can be resumed");
  f.set_without_effect({"save_replay", "overlap"});
  drive_options.describe_evaluation(f);
}

void TransitionTraining::describe_learning(ConfigFields& f) {
  gathering.describe(f);
  priority.describe(f);
  hindsight.describe(f);
  replay.describe(f);
}

int64_t TransitionTraining::offline_updates() const {
  if (data.path.empty()) return 0;
  return data.updates > 0 ? data.updates : kDefaultUpdates;
}

int64_t TransitionTraining::length(const RunConfig& config) const {
  return offline_updates() + config.total_steps();
}

namespace {

// Of turns that only learn: few enough to answer Ctrl-C at once.
constexpr int64_t kUpdatesPerTurn = 10;

class TransitionTrainer final : public Trainer {
 public:
  TransitionTrainer(const RunConfig& config, const TransitionTraining& training,
                    const TrainingConfig::Say& say)
      : training_(training),
        seed_(config.seed_for("environments")),
        offline_updates_(training.offline_updates()),
        environments_(make_environments(config, training)),
        learner_(config, training,
                 environments_ ? environments_->adapter.spec()
                               : SpaceAdapter::adapt(config.env_config->spec()),
                 environments_ ? training.gathering.num_envs : 0, say) {}

  void start() override {
    if (!environments_) return;
    environments_->env->reset(seed_);
    learner_.start(environments_->observations());
  }

  void turn() override {
    if (offline_done_ < offline_updates_) {
      learner_.learn_from_dataset();
      ++offline_done_;
    } else {
      gather();
    }
  }

  TrainingCounts counts() const override {
    return {.position = offline_done_ + learner_.steps(),
            .steps = learner_.steps(),
            .updates = learner_.updates()};
  }

  Agent& agent() override { return learner_.agent(); }

  TrainingRow metrics() override {
    TrainingRow row = episode_row(episodes_);
    episodes_.clear();
    for (auto& metric : learner_.metrics()) row.values.push_back(std::move(metric));
    if (environments_) {
      row.values.emplace_back("replay/size", static_cast<double>(learner_.replay_size()));
    }
    return row;
  }

  void state(StateList& list) override {
    const bool with_replay = training_.replay.save_replay;
    learner_.state(list, with_replay);
    list.add("offline_updates", offline_done_);
    if (environments_ && with_replay) list_state(list, *environments_->env);
  }

 private:
  static std::unique_ptr<GatheringEnvs> make_environments(const RunConfig& config,
                                                          const TransitionTraining& training) {
    if (config.total_steps() == 0) return nullptr;
    return std::make_unique<GatheringEnvs>(config, training.gathering.num_envs,
                                           training.gathering.limits);
  }

  void gather() {
    const Pace pace = learner_.pace();
    if (pace == Pace::kLearn) return learner_.learn(kUpdatesPerTurn);
    VectorEnv& env = *environments_->env;
    const at::Tensor actions = learner_.choose_actions(environments_->observations());
    env.step_async(environments_->adapter.actions(actions));
    // Learning and storing happen in the same order with and without overlap, so the results are
    // equal.
    VectorStep step;
    if (!training_.gathering.overlap) step = env.wait();
    if (pace == Pace::kTogether) learner_.learn();
    if (training_.gathering.overlap) step = env.wait();
    learner_.add(actions, environments_->adapter.step(step));
    episodes_.insert(episodes_.end(), step.finished.begin(), step.finished.end());
  }

  const TransitionTraining training_;
  const uint64_t seed_;
  const int64_t offline_updates_;
  int64_t offline_done_ = 0;
  std::unique_ptr<GatheringEnvs> environments_;  // null if nothing is gathered
  TransitionLearner learner_;
  std::vector<Episode> episodes_;  // ended since the last row of the log
};

}  // namespace

std::unique_ptr<Trainer> TransitionTraining::make(const RunConfig& config, const Say& say) const {
  if (imitates) {
    REVERIE_CHECK(!data.path.empty() && config.total_steps() == 0,
                  "--agent {}: imitates a dataset and learns nothing from its own steps; expected "
                  "--dataset, and no --steps",
                  config.agent);
  }
  auto trainer = std::make_unique<TransitionTrainer>(config, *this, say);
  if (const int64_t steps = config.total_steps(); steps > 0) {
    say_where_it_ends(say, steps, gathering.num_envs, "its environments together take");
    if (data.path.empty()) say_if_it_never_learns(say, steps, gathering.learning_starts);
  }
  return trainer;
}

}  // namespace reverie
