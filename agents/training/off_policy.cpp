#include "agents/training/off_policy.h"

#include <cmath>
#include <optional>

#include "agents/evaluation.h"
#include "agents/training/environment_snapshot.h"
#include "agents/training/off_policy_learner.h"
#include "agents/training/publish_checkpoint.h"
#include "core/clock.h"
#include "core/file.h"
#include "nn/device.h"
#include "nn/pch.h"

namespace reverie {
namespace {

class OffPolicyLoop {
 public:
  explicit OffPolicyLoop(TrainingSession& session)
      : session_(session),
        config_(session.config),
        training_(config_.training),
        make_env_(config_.env_config->maker()),
        env_(make_env_, training_.num_envs, static_cast<int>(config_.threads)),
        learner_(config_, env_.spec(), training_.num_envs),
        action_field_(action_field(env_.spec().action)) {}

  void start() {
    env_.reset(config_.seed_for("environments"));
    learner_.start(env_.observations());
  }

  void restore(const Checkpoint& saved) {
    learner_.load(saved);
    note_saved();
    restore_environments(env_, saved);
  }

  TrainingResult run() {
    last_log_time_ = steady_seconds();
    last_log_step_ = step();
    last_log_updates_ = learner_.updates();
    session_.progress.update(step());
    if (saved_step_ < 0)
      save();  // so that a run killed before its first checkpoint is due can resume
    while (step() < config_.steps && !session_.stop.load(std::memory_order_relaxed)) {
      const int64_t before = step();
      iterate();
      const auto passed = [&](int64_t every) {
        return every > 0 && step() / every != before / every;
      };
      if (passed(training_.log_every) || step() >= config_.steps) log();
      if (passed(training_.evaluate_every)) evaluate_policy();
      if (passed(training_.checkpoint_every)) save();
      session_.progress.update(step());
    }
    if (saved_step_ != step()) save();
    return {.steps = step(), .updates = learner_.updates(), .interrupted = step() < config_.steps};
  }

 private:
  int64_t step() const { return learner_.steps(); }

  void iterate() {
    const at::Tensor actions = learner_.choose_actions(env_.observations());
    const ConstFieldView rows = view_of(action_field_, actions);
    env_.step_async(rows);
    // The order of learning and storing is the same with and without overlap, so the results are.
    VectorStep result;
    if (training_.overlap) {
      learner_.learn();
      result = env_.wait();
    } else {
      result = env_.wait();
      learner_.learn();
    }
    learner_.add(rows, result);
    note_episodes();
  }

  void note_saved() {
    saved_step_ = step();
    learner_.say_on_failure(
        fmt::format("the checkpoint of step {} is the last good one", saved_step_));
  }

  void note_episodes() {
    if (env_.finished().empty()) return;
    at::Tensor started = at::zeros({env_.num_envs()}, at::kBool);
    for (const Episode& episode : env_.finished()) {
      started[episode.env] = true;
      episodes_.push_back(episode);
    }
    learner_.agent().on_episode_start(started);
  }

  void log() {
    Metrics row;
    const auto add_episodes = [&](const std::string& name, const std::vector<double>& values) {
      const double mean = mean_of_numbers(values);
      if (!std::isnan(mean)) row.emplace_back(name, mean);
    };
    if (!episodes_.empty()) {
      add_episodes("env/return", episode_returns(episodes_));
      for (const auto& [name, value] : episodes_.front().metrics) {
        add_episodes("env/" + name, episode_metric(episodes_, name));
      }
      shown_.clear();
      for (const auto& [name, value] : row) {
        if (name == "env/return" || name == "env/success") {
          shown_.emplace_back(name.substr(4), value);
        }
      }
      episodes_.clear();
    }
    learner_.check_losses();
    for (const auto& [name, value] : learner_.losses())
      row.emplace_back(name, value.item<double>());
    const double seconds = std::max(steady_seconds() - last_log_time_, 1e-9);
    row.emplace_back("time/steps_per_second",
                     static_cast<double>(step() - last_log_step_) / seconds);
    row.emplace_back("time/updates_per_second",
                     static_cast<double>(learner_.updates() - last_log_updates_) / seconds);
    row.emplace_back("replay/size", static_cast<double>(learner_.replay_size()));
    session_.log.write(step(), row);
    session_.progress.update(step(), shown_);
    last_log_time_ = steady_seconds();
    last_log_step_ = step();
    last_log_updates_ = learner_.updates();
  }

  void evaluate_policy() {
    learner_.check_losses();
    const std::vector<Episode> episodes = evaluate(learner_.agent(), make_env_,
                                                   {.episodes = training_.evaluate_episodes,
                                                    .seed = config_.seed_for("evaluation"),
                                                    .threads = static_cast<int>(config_.threads)});
    Metrics row{{"evaluation/return", mean_of_numbers(episode_returns(episodes))}};
    for (const auto& [name, value] : episodes.front().metrics) {
      const double mean = mean_of_numbers(episode_metric(episodes, name));
      if (!std::isnan(mean)) row.emplace_back("evaluation/" + name, mean);
    }
    session_.log.write(step(), row);
    std::string text = fmt::format("step {}: evaluation over {} episodes", step(), episodes.size());
    for (const auto& [name, value] : row) {
      text += fmt::format(", {} {:.4g}", name.substr(sizeof("evaluation/") - 1), value);
    }
    session_.progress.message(text);
  }

  void save() {
    Checkpoint checkpoint;
    learner_.save(checkpoint, training_.save_replay);
    if (training_.save_replay) save_environments(env_, checkpoint);
    publish_checkpoint(session_, checkpoint, step());
    note_saved();
  }

  TrainingSession& session_;
  RunConfig& config_;
  const TrainingConfig& training_;
  EnvMaker make_env_;
  VectorEnv env_;
  OffPolicyLearner learner_;
  Field action_field_;

  int64_t saved_step_ = -1;        // of the newest checkpoint; -1 = none yet
  std::vector<Episode> episodes_;  // ended since the last row of the log
  Metrics shown_;
  double last_log_time_ = 0.0;  // [s]
  int64_t last_log_step_ = 0;
  int64_t last_log_updates_ = 0;
};

}  // namespace

const TrainingLoop& off_policy_loop() {
  static const TrainingLoop loop = {
      .defaults = {},
      .describe = [](TrainingConfig& config, ConfigFields& fields) { config.describe(fields); },
      .train = train_off_policy,
      .groups =
          [](const TrainingConfig&) {
            return std::vector<std::string>{"model", "optimizer", "replay", "environments"};
          },
      .can_resume = [](const TrainingConfig& config) { return config.save_replay; }};
  return loop;
}

TrainingResult train_off_policy(TrainingSession& session, std::optional<Checkpoint> resume) {
  set_compute_threads(static_cast<int>(session.config.threads));
  OffPolicyLoop loop(session);
  if (resume) {
    loop.restore(*resume);
    resume.reset();
  } else {
    loop.start();
  }
  write_file_atomically(session.directory.config_file(), session.config.fields().to_toml());
  return loop.run();
}

}  // namespace reverie
