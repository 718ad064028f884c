#include "agents/evolution/evolution_training.h"

#include <algorithm>
#include <optional>
#include <string>

#include "agents/evaluation.h"
#include "agents/evolution/evolution_agent.h"
#include "agents/training/gathering.h"
#include "core/random.h"
#include "envs/threaded_vector_env.h"
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

// The greatest number of episodes that each candidate plays side by side: a divisor of all.
int64_t side_by_side(int64_t episodes, int64_t population) {
  int64_t most = 1;
  for (int64_t each = 1; each <= episodes; ++each) {
    if (episodes % each == 0 && each * population <= EvolutionTraining::kMostEnvs) most = each;
  }
  return most;
}

class EvolutionTrainer final : public Trainer {
 public:
  EvolutionTrainer(const RunConfig& config, const EvolutionTraining& training)
      : length_(training.length(config)),
        seed_(config.seed_for("environments")),
        threads_(static_cast<int>(config.threads)),
        make_env_(with_training_limits(config.env_config->maker(), training.limits)),
        spec_(make_env_()->spec()),
        agent_(make_agent_of<EvolutionAgent>(config, SpaceAdapter::adapt(spec_),
                                             "returns of candidates")),
        population_(agent_->population()),
        lanes_(population_ * side_by_side(agent_->episodes(), population_)),
        adapter_(spec_, lanes_) {}

  void start() override {}

  void turn() override {
    if (!env_) begin_generation();
    const FieldViews obs = adapter_.observations(env_->observations());
    const TensorMap tensors = borrow_tensors(obs);
    note(tensors);
    const at::Tensor actions = agent_->act(candidates_, tensors);
    check_finite(actions, "the actions", {});
    env_->step(adapter_.actions(actions));
    steps_ += playing_.numel();
    for (const Episode& episode : env_->finished()) add(episode);
    if (playing_.numel() == 0) end_generation();
  }

  // A run must not end within a generation, which would be lost.
  TrainingCounts counts() const override {
    const int64_t reached = env_ ? std::min(steps_, std::max(length_ - 1, told_steps_)) : steps_;
    return {.position = reached,
            .steps = reached,
            .updates = generations_,
            .is_done = !stop_reason_.empty()};
  }

  Agent& agent() override { return *agent_; }

  TrainingRow metrics() override {
    TrainingRow row = episode_row(logged_);
    logged_.clear();
    if (!latest_) return row;
    row.values.emplace_back("evolution/best", latest_->best);
    row.values.emplace_back("evolution/mean", latest_->mean);
    row.values.emplace_back("evolution/sigma", agent_->strategy().sigma());
    row.values.emplace_back("evolution/largest_deviation", agent_->strategy().largest_deviation());
    latest_.reset();
    return row;
  }

  void finish(const TrainingSession& session) override {
    if (stop_reason_.empty()) return;
    session.progress.message(
        fmt::format("ended after {} generations: {}", generations_, stop_reason_));
  }

  void state(StateList& list) override {
    agent_->state(list);
    list.add("steps", told_steps_);
    list.add("updates", generations_);
    list.after_load([this] {
      REVERIE_CHECK(
          told_steps_ >= 0 && generations_ == agent_->strategy().generation(),
          "state.json: steps {} and updates {}, expected at least 0 and the strategy's {}",
          told_steps_, generations_, agent_->strategy().generation());
      steps_ = told_steps_;
      stop_reason_ = agent_->strategy().stop_reason();
      env_.reset();
    });
  }

 private:
  struct Generation {
    double best, mean;  // return of a candidate
  };

  void begin_generation() {
    const int64_t episodes = agent_->episodes();
    const auto generation = static_cast<uint64_t>(agent_->strategy().generation());
    std::vector<uint64_t> seeds;  // of the e-th episodes of all candidates, in turn
    for (int64_t e = 0; e < episodes; ++e) {
      const uint64_t seed = mix_seed({seed_, generation, static_cast<uint64_t>(e)});
      seeds.insert(seeds.end(), static_cast<size_t>(population_), seed);
    }
    env_.emplace(make_env_,
                 VectorEnvOptions{
                     .num_envs = lanes_, .threads = threads_, .episode_seeds = std::move(seeds)});
    env_->reset(seed_);
    candidates_ = agent_->begin_generation();
    returns_.assign(static_cast<size_t>(population_), 0.0);
    playing_ = at::arange(lanes_, at::kLong);
  }

  // Environments whose candidates have played all of their episodes only go on with the others.
  void note(const TensorMap& obs) {
    if (playing_.numel() == lanes_) return agent_->note(obs);
    TensorMap rows;
    for (const auto& [name, values] : obs) rows.add(name, values.index_select(0, playing_));
    agent_->note(rows);
  }

  void add(const Episode& episode) {
    const int64_t rounds = agent_->episodes() * population_ / lanes_;
    if (episode.index >= rounds) return;
    returns_[static_cast<size_t>(episode.env % population_)] +=
        episode.episode_return / static_cast<double>(agent_->episodes());
    logged_.push_back(episode);
    if (episode.index + 1 == rounds) playing_ = playing_.masked_select(playing_ != episode.env);
  }

  void end_generation() {
    agent_->end_generation(returns_);
    latest_ = Generation{.best = *std::max_element(returns_.begin(), returns_.end()),
                         .mean = mean_of_numbers(returns_)};
    told_steps_ = steps_;
    ++generations_;
    stop_reason_ = agent_->strategy().stop_reason();
    env_.reset();
  }

  const int64_t length_;
  const uint64_t seed_;
  const int threads_;
  const EnvMaker make_env_;
  const EnvSpec spec_;
  std::unique_ptr<EvolutionAgent> agent_;
  const int64_t population_, lanes_;
  SpaceAdapter adapter_;
  int64_t steps_ = 0;        // of all environments
  int64_t told_steps_ = 0;   // those of complete generations
  int64_t generations_ = 0;  // complete ones
  std::string stop_reason_;  // of the strategy behind them; counts() is asked many times a turn

  // Of the generation that is played; env_ is empty between two.
  std::optional<ThreadedVectorEnv> env_;
  at::Tensor candidates_;        // [L, n]
  std::vector<double> returns_;  // [L] means
  at::Tensor playing_;           // the environments with episodes left, int64

  std::vector<Episode> logged_;       // ended since the last row of the log
  std::optional<Generation> latest_;  // not logged yet
};

}  // namespace

std::unique_ptr<Trainer> EvolutionTraining::make(const RunConfig& config,
                                                 const Say& /*say*/) const {
  return std::make_unique<EvolutionTrainer>(config, *this);
}

}  // namespace reverie
