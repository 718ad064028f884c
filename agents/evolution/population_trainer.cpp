#include "agents/evolution/population_trainer.h"

#include <algorithm>

#include "agents/evaluation.h"
#include "agents/training/gathering.h"
#include "core/random.h"
#include "envs/threaded_vector_env.h"
#include "nn/pch.h"

namespace reverie {
namespace {

// The greatest number of episodes that each candidate plays side by side: a divisor of all.
int64_t side_by_side(int64_t episodes, int64_t population) {
  int64_t most = 1;
  for (int64_t each = 1; each <= episodes; ++each) {
    if (episodes % each == 0 && each * population <= PopulationTrainer::kMostEnvs) most = each;
  }
  return most;
}

}  // namespace

PopulationTask population_task(const RunConfig& config, const TrainingLimits& limits,
                               int64_t length) {
  // Simulators are made by one maker, which has loaded what they share; an environment with a
  // vector form of its own makes that.
  const bool has_own_form =
      !limits.any() &&
      dynamic_cast<const ThreadedVectorEnv*>(config.env_config->vector_env({}).get()) == nullptr;
  const EnvMaker simulators = with_training_limits(config.env_config->maker(), limits);
  return {.make_env = [&config, has_own_form,
                       simulators](const VectorEnvOptions& options) -> std::unique_ptr<VectorEnv> {
            if (has_own_form) return config.env_config->vector_env(options);
            return std::make_unique<ThreadedVectorEnv>(simulators, options);
          },
          .length = length,
          .seed = config.seed_for("environments"),
          .threads = static_cast<int>(config.threads)};
}

PopulationTrainer::PopulationTrainer(PopulationAgent& agent, const EnvSpec& spec,
                                     PopulationTask task)
    : agent_(agent),
      task_(std::move(task)),
      population_(agent.population()),
      lanes_(population_ * side_by_side(agent.episodes(), population_)),
      adapter_(spec, lanes_) {}

void PopulationTrainer::turn() {
  if (!env_) begin_generation();
  const TensorMap obs = borrow_tensors(adapter_.observations(env_->observations()));
  note(obs);
  const at::Tensor actions = candidates_->act(obs).action;
  check_finite(actions, "the actions", {});
  const VectorStep step = env_->step(adapter_.actions(actions));
  steps_ += playing_.numel();
  for (const Episode& episode : step.finished) add(episode);
  if (playing_.numel() == 0) return end_generation();
  if (step.finished.empty()) return;
  candidates_->on_episode_start(ended_envs(step));
  if (playing_.numel() < lanes_) {
    candidates_->on_idle(at::ones({lanes_}, at::kBool).index_fill_(0, playing_, 0));
  }
}

// A run must not end within a generation, which would be lost.
TrainingCounts PopulationTrainer::counts() const {
  const int64_t reached = env_ ? std::min(steps_, std::max(task_.length - 1, told_steps_)) : steps_;
  return {.position = reached,
          .steps = reached,
          .updates = generations_,
          .is_done = !stop_reason_.empty()};
}

TrainingRow PopulationTrainer::metrics() {
  TrainingRow row = episode_row(logged_);
  logged_.clear();
  if (!latest_) return row;
  row.values.emplace_back("evolution/best", latest_->best);
  row.values.emplace_back("evolution/mean", latest_->mean);
  row.values.emplace_back("evolution/sigma", agent_.strategy().sigma());
  row.values.emplace_back("evolution/largest_deviation", agent_.strategy().largest_deviation());
  latest_.reset();
  return row;
}

void PopulationTrainer::finish(const TrainingSession& session) {
  if (stop_reason_.empty()) return;
  session.progress.message(
      fmt::format("ended after {} generations: {}", generations_, stop_reason_));
}

void PopulationTrainer::state(StateList& list) {
  list.add("steps", told_steps_);
  list.add("updates", generations_);
  list.after_load([this] {
    REVERIE_CHECK(told_steps_ >= 0 && generations_ == agent_.strategy().generation(),
                  "state.json: steps {} and updates {}, expected at least 0 and the strategy's {}",
                  told_steps_, generations_, agent_.strategy().generation());
    steps_ = told_steps_;
    stop_reason_ = agent_.strategy().stop_reason();
    env_.reset();
  });
}

void PopulationTrainer::begin_generation() {
  const auto generation = static_cast<uint64_t>(agent_.strategy().generation());
  std::vector<uint64_t> seeds;  // of the e-th episodes of all candidates, in turn
  for (int64_t e = 0; e < agent_.episodes(); ++e) {
    const uint64_t seed = mix_seed({task_.seed, generation, static_cast<uint64_t>(e)});
    seeds.insert(seeds.end(), static_cast<size_t>(population_), seed);
  }
  env_ = task_.make_env(
      {.num_envs = lanes_, .threads = task_.threads, .episode_seeds = std::move(seeds)});
  env_->reset(task_.seed);
  candidates_ = agent_.begin_generation(lanes_);
  candidates_->on_episode_start(at::ones({lanes_}, at::kBool));
  returns_.assign(static_cast<size_t>(population_), 0.0);
  playing_ = at::arange(lanes_, at::kLong);
}

// Environments whose candidates have played all of their episodes only go on with the others.
void PopulationTrainer::note(const TensorMap& obs) {
  if (playing_.numel() == lanes_) return agent_.note(obs);
  TensorMap rows;
  for (const auto& [name, values] : obs) rows.add(name, values.index_select(0, playing_));
  agent_.note(rows);
}

void PopulationTrainer::add(const Episode& episode) {
  const int64_t rounds = agent_.episodes() * population_ / lanes_;
  if (episode.index >= rounds) return;
  returns_[static_cast<size_t>(episode.env % population_)] +=
      episode.episode_return / static_cast<double>(agent_.episodes());
  logged_.push_back(episode);
  if (episode.index + 1 == rounds) playing_ = playing_.masked_select(playing_ != episode.env);
}

void PopulationTrainer::end_generation() {
  agent_.end_generation(returns_);
  latest_ = Generation{.best = *std::max_element(returns_.begin(), returns_.end()),
                       .mean = mean_of_numbers(returns_)};
  told_steps_ = steps_;
  ++generations_;
  stop_reason_ = agent_.strategy().stop_reason();
  env_.reset();
}

}  // namespace reverie
