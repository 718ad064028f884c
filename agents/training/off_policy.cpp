#include "agents/training/off_policy.h"

#include <chrono>
#include <cmath>
#include <optional>

#include "agents/action_box.h"
#include "agents/evaluation.h"
#include "agents/pch.h"
#include "core/file.h"
#include "nn/device.h"
#include "replay/batch_stream.h"
#include "replay/replay_buffer.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;

double now_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

ReplayOptions replay_options(const TrainingSession& session) {
  const TrainingConfig& training = session.config.training;
  ReplayOptions options;
  if (training.replay_memory > 0.0) {
    options.memory_budget = static_cast<size_t>(training.replay_memory * 1e9);
    options.disk_folder = training.replay_folder.empty() ? session.directory.path()
                                                         : fs::path(training.replay_folder);
  }
  return options;
}

class OffPolicyLoop {
 public:
  explicit OffPolicyLoop(TrainingSession& session)
      : session_(session),
        config_(session.config),
        training_(config_.training),
        make_env_(config_.env_config->maker()),
        env_(make_env_, training_.num_envs, static_cast<int>(config_.threads)),
        agent_(config_.agent_config->make(env_.spec(), open_device(config_.device),
                                          config_.seed_for("agent"))),
        replay_(env_.spec(), training_.replay_capacity, training_.num_envs,
                open_device(config_.device), replay_options(session)),
        action_field_(action_field(env_.spec().action)),
        warmup_rng_(config_.seed_for("warm-up")),
        batches_(replay_, Rng(config_.seed_for("sampling")), training_.prefetch) {}

  void start() {
    env_.reset(config_.seed_for("environments"));
    replay_.start(env_.observations());
    agent_->on_episode_start(at::ones({env_.num_envs()}, at::kBool));
  }

  void restore(const Checkpoint& saved) {
    step_ = saved.integer("step");
    updates_ = saved.integer("updates");
    REVERIE_CHECK(step_ >= 0 && updates_ >= 0,
                  "state.json: step {} and updates {}, expected at least 0", step_, updates_);
    owed_updates_ = saved.number("owed_updates");
    REVERIE_CHECK(owed_updates_ >= 0.0 && owed_updates_ <= 1e9,
                  "state.json: owed_updates is {}, expected 0 to 1e9", owed_updates_);
    saved_step_ = step_;
    warmup_rng_ = Rng::from_string(saved.text("warmup.rng"));
    batches_.set_rng(Rng::from_string(saved.text("sampling.rng")));
    agent_->load(saved);
    replay_.restore(saved.group("replay"));
    const TensorMap& environments = saved.group("environments");
    const at::Tensor state = environments.at("state").to(at::kDouble).contiguous();
    const at::Tensor observations = environments.at("observations").to(at::kByte).contiguous();
    const auto* numbers = state.const_data_ptr<double>();
    const auto* bytes = observations.const_data_ptr<uint8_t>();
    env_.restore({.state = {numbers, numbers + state.numel()},
                  .observations = {bytes, bytes + observations.numel()}});
  }

  TrainingResult run() {
    last_log_time_ = now_seconds();
    last_log_step_ = step_;
    last_log_updates_ = updates_;
    session_.progress.update(step_);
    if (saved_step_ < 0)
      save();  // so that a run killed before its first checkpoint is due can resume
    while (step_ < config_.steps && !session_.stop.load(std::memory_order_relaxed)) {
      const int64_t before = step_;
      iterate();
      const auto passed = [&](int64_t every) {
        return every > 0 && step_ / every != before / every;
      };
      if (passed(training_.log_every) || step_ >= config_.steps) log();
      if (passed(training_.evaluate_every)) evaluate_policy();
      if (passed(training_.checkpoint_every)) save();
      session_.progress.update(step_);
    }
    if (saved_step_ != step_) save();
    return {.steps = step_, .updates = updates_, .interrupted = step_ < config_.steps};
  }

 private:
  void iterate() {
    const at::Tensor actions = choose_actions().contiguous();
    check_actions(actions);
    const ConstFieldView rows = view_of(action_field_, actions);
    env_.step_async(rows);
    // The order of learning and storing is the same with and without overlap, so the results are.
    VectorStep result;
    if (training_.overlap) {
      learn();
      result = env_.wait();
    } else {
      result = env_.wait();
      learn();
    }
    replay_.add(rows, result);
    if (step_ >= training_.learning_starts) {
      owed_updates_ += static_cast<double>(env_.num_envs()) * training_.updates_per_step;
    }
    step_ += env_.num_envs();
    note_episodes();
  }

  at::Tensor choose_actions() {
    const TensorMap obs = borrow_tensors(env_.observations());
    agent_->observe(obs);
    if (step_ < training_.learning_starts) {
      return uniform_actions(env_.spec().action, env_.num_envs(), warmup_rng_);
    }
    return agent_->act(obs, ActMode::kExplore);
  }

  // The updates that the steps stored so far have earned.
  void learn() {
    const auto updates = static_cast<int64_t>(owed_updates_);
    batches_.request(updates, agent_->batch_size(), agent_->sample_spec());
    for (int64_t i = 0; i < updates; ++i) {
      losses_ = agent_->update(batches_.next());
      ++updates_;
    }
    owed_updates_ -= static_cast<double>(updates);
  }

  // Weights that are not finite show in the very next action, before a log or a checkpoint is due.
  void check_actions(const at::Tensor& actions) const {
    if (!actions.is_floating_point() || at::isfinite(actions).all().item<bool>()) return;
    check_losses();
    fail_run("the actions are not finite at step {}; {}", step_, last_good_checkpoint());
  }

  void check_losses() const {
    for (const auto& [name, value] : losses_) {
      const double number = value.item<double>();
      REVERIE_CHECK_RUN(std::isfinite(number), "{} is {} at step {}; {}", name, number, step_,
                        last_good_checkpoint());
    }
  }

  std::string last_good_checkpoint() const {
    return fmt::format("the checkpoint of step {} is the last good one", saved_step_);
  }

  void note_episodes() {
    if (env_.finished().empty()) return;
    at::Tensor started = at::zeros({env_.num_envs()}, at::kBool);
    for (const Episode& episode : env_.finished()) {
      started[episode.env] = true;
      episodes_.push_back(episode);
    }
    agent_->on_episode_start(started);
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
    check_losses();
    for (const auto& [name, value] : losses_) row.emplace_back(name, value.item<double>());
    const double seconds = std::max(now_seconds() - last_log_time_, 1e-9);
    row.emplace_back("time/steps_per_second",
                     static_cast<double>(step_ - last_log_step_) / seconds);
    row.emplace_back("time/updates_per_second",
                     static_cast<double>(updates_ - last_log_updates_) / seconds);
    row.emplace_back("replay/size", static_cast<double>(replay_.size()));
    session_.log.write(step_, row);
    session_.progress.update(step_, shown_);
    last_log_time_ = now_seconds();
    last_log_step_ = step_;
    last_log_updates_ = updates_;
  }

  void evaluate_policy() {
    check_losses();
    const std::vector<Episode> episodes = evaluate(*agent_, make_env_,
                                                   {.episodes = training_.evaluate_episodes,
                                                    .seed = config_.seed_for("evaluation"),
                                                    .threads = static_cast<int>(config_.threads)});
    Metrics row{{"evaluation/return", mean_of_numbers(episode_returns(episodes))}};
    for (const auto& [name, value] : episodes.front().metrics) {
      const double mean = mean_of_numbers(episode_metric(episodes, name));
      if (!std::isnan(mean)) row.emplace_back("evaluation/" + name, mean);
    }
    session_.log.write(step_, row);
    std::string text = fmt::format("step {}: evaluation over {} episodes", step_, episodes.size());
    for (const auto& [name, value] : row) {
      text += fmt::format(", {} {:.4g}", name.substr(sizeof("evaluation/") - 1), value);
    }
    session_.progress.message(text);
  }

  void save() {
    Checkpoint checkpoint;
    checkpoint.set("env", config_.env);
    checkpoint.set("agent", config_.agent);
    checkpoint.set("step", step_);
    checkpoint.set("updates", updates_);
    checkpoint.set("owed_updates", owed_updates_);
    checkpoint.set("warmup.rng", warmup_rng_.to_string());
    checkpoint.set("sampling.rng", batches_.rng().to_string());
    agent_->save(checkpoint);
    check_losses();
    for (const auto& [name, weights] : checkpoint.group("model")) {
      REVERIE_CHECK_RUN(at::isfinite(weights).all().item<bool>(),
                        "the weights {} are not finite at step {}; {}", name, step_,
                        last_good_checkpoint());
    }
    if (training_.save_replay) {
      replay_.save(checkpoint.group("replay"));
      const VectorEnvSnapshot snapshot = env_.snapshot();
      TensorMap& environments = checkpoint.group("environments");
      environments.add("state", copy_to_tensor<double>(snapshot.state));
      environments.add("observations", copy_to_tensor<uint8_t>(snapshot.observations));
    }
    session_.log.sync();
    auto staging = session_.directory.new_checkpoint(step_);
    checkpoint.write(staging.path());
    staging.publish(training_.keep_checkpoints);
    saved_step_ = step_;
  }

  TrainingSession& session_;
  RunConfig& config_;
  const TrainingConfig& training_;
  EnvMaker make_env_;
  VectorEnv env_;
  std::unique_ptr<Agent> agent_;
  ReplayBuffer replay_;
  Field action_field_;
  Rng warmup_rng_;
  BatchStream batches_;

  int64_t step_ = 0;
  int64_t updates_ = 0;
  double owed_updates_ = 0.0;      // earned by steps and not made yet
  int64_t saved_step_ = -1;        // of the newest checkpoint; -1 = none yet
  TensorMap losses_;               // of the last update
  std::vector<Episode> episodes_;  // ended since the last row of the log
  Metrics shown_;
  double last_log_time_ = 0.0;  // [s]
  int64_t last_log_step_ = 0;
  int64_t last_log_updates_ = 0;
};

}  // namespace

std::vector<std::string> off_policy_groups() {
  return {"model", "optimizer", "replay", "environments"};
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
