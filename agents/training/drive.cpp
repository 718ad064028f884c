#include <algorithm>
#include <cmath>
#include <limits>

#include "agents/evaluation.h"
#include "agents/training/trainer.h"
#include "core/clock.h"
#include "core/file.h"
#include "nn/device.h"

namespace reverie {
namespace {

constexpr const char* kBestReturn = "evaluation_return";  // in state.json of the best checkpoint

// Reports a failure of the run, with the checkpoint to continue from.
[[noreturn]] void fail_training(const std::string& what, int64_t position, int64_t saved) {
  fail_run("{} at step {}{}", what, position,
           saved < 0 ? "" : fmt::format("; the checkpoint of step {} is the last good one", saved));
}

class Drive {
 public:
  Drive(TrainingSession& session, Trainer& trainer)
      : session_(session),
        config_(session.config),
        options_(config_.training->drive()),
        trainer_(trainer),
        length_(config_.training->length(config_)) {}

  void resumed() {
    saved_ = position();
    const std::filesystem::path best = session_.directory.best();
    if (!std::filesystem::exists(best)) return;
    // One that lies ahead belongs to a future that is now trained again.
    const Checkpoint checkpoint = Checkpoint::read(best, {"model"});
    if (checkpoint.integer("step") <= saved_) best_return_ = checkpoint.number(kBestReturn);
  }

  TrainingResult run() {
    last_log_ = steady_seconds();
    last_processor_ = processor_seconds();
    logged_ = trainer_.counts();
    session_.progress.update(position());
    if (saved_ < 0) save();
    while (!is_done() && !stopped()) {
      const TrainingCounts before = trainer_.counts();
      take_turn();
      after_turn(before);
    }
    const bool interrupted = !is_done();
    if (!interrupted) trainer_.finish(session_);
    if (saved_ != position()) save();
    return {.counts = trainer_.counts(), .interrupted = interrupted};
  }

 private:
  int64_t position() const { return trainer_.counts().position; }
  bool is_done() const { return position() >= length_ || trainer_.counts().is_done; }
  bool is_overdue() const {
    const double limit = 60.0 * options_.checkpoint_minutes;
    return limit > 0.0 && steady_seconds() - last_save_ > limit;
  }
  bool stopped() const { return session_.stop.load(std::memory_order_relaxed); }

  void take_turn() {
    try {
      trainer_.turn();
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::kRun) throw;
      fail_training(error.what(), position(), saved_);
    }
  }

  void after_turn(const TrainingCounts& before) {
    const std::string_view stage = trainer_.counts().stage;
    const bool new_stage = stage != before.stage;
    if (new_stage) session_.progress.message(fmt::format("step {}: {}", before.position, stage));
    const auto passed = [&](int64_t every) {
      return every > 0 && position() / every != before.position / every;
    };
    // The first update gets a row, which shows that learning has begun and the initial values.
    const bool first_update = before.updates == 0 && trainer_.counts().updates > 0;
    if (first_update || passed(options_.log_every) || is_done()) log();
    if (passed(options_.evaluate_every)) evaluate_agent();
    if (passed(options_.checkpoint_every) || new_stage || is_overdue()) save();
    if (passed(options_.picture_every)) trainer_.draw(session_);
    session_.progress.update(position());
  }

  void log() {
    const TrainingCounts now = trainer_.counts();
    TrainingRow row = metrics();
    if (row.values.empty()) return;  // nothing to log yet
    const double seconds = std::max(steady_seconds() - last_log_, 1e-9);
    const auto rate = [&](const char* name, int64_t count, int64_t before) {
      if (count > 0) {
        row.values.emplace_back(name, static_cast<double>(count - before) / seconds);
      }
    };
    rate("time/steps_per_second", now.steps, logged_.steps);
    rate("time/updates_per_second", now.updates, logged_.updates);
    const double processor = processor_seconds();
    row.values.emplace_back("time/processor_s", processor - last_processor_);
    last_processor_ = processor;
    session_.log.write(now.position, row.values);
    if (!row.shown.empty()) shown_ = std::move(row.shown);
    session_.progress.update(now.position, shown_);
    last_log_ = steady_seconds();
    logged_ = now;
  }

  TrainingRow metrics() {
    try {
      return trainer_.metrics();
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::kRun) throw;
      fail_training(error.what(), position(), saved_);
    }
  }

  void evaluate_agent() {
    Agent& agent = trainer_.agent();
    const std::vector<Episode> episodes =
        evaluate([&](int64_t num_envs, uint64_t seed) { return agent.actor(num_envs, {}, seed); },
                 config_.env_config->maker(),
                 {.episodes = options_.evaluate_episodes,
                  .seed = config_.seed_for("evaluation"),
                  .threads = static_cast<int>(config_.threads)});
    Metrics row{{"evaluation/return", mean_of_numbers(episode_returns(episodes))}};
    for (const auto& [name, value] : episodes.front().metrics) {
      const double mean = mean_of_numbers(episode_metric(episodes, name));
      if (!std::isnan(mean)) row.emplace_back("evaluation/" + name, mean);
    }
    session_.log.write(position(), row);
    std::string text =
        fmt::format("step {}: evaluation over {} episodes", position(), episodes.size());
    for (const auto& [name, value] : row) {
      text += fmt::format(", {} {:.4g}", name.substr(sizeof("evaluation/") - 1), value);
    }
    session_.progress.message(text);
    keep_if_best(row.front().second);
  }

  // The agent alone, which can be evaluated; training goes on from whole checkpoints.
  void keep_if_best(double mean_return) {
    if (!(mean_return > best_return_)) return;  // NaN is no better either
    StateList list;
    trainer_.agent().state(list);
    if (!list.find_not_finite().empty()) return;  // the next checkpoint says so
    Checkpoint checkpoint = begin_checkpoint();
    checkpoint.set(kBestReturn, mean_return);
    list.save(checkpoint);
    session_.directory.replace_best(
        [&](const std::filesystem::path& folder) { checkpoint.write(folder); });
    best_return_ = mean_return;
  }

  Checkpoint begin_checkpoint() const {
    Checkpoint checkpoint;
    checkpoint.set("step", position());
    checkpoint.set("env", config_.env);
    checkpoint.set("agent", config_.agent);
    return checkpoint;
  }

  void save() {
    StateList list;
    trainer_.state(list);
    if (const std::string broken = list.find_not_finite(); !broken.empty()) {
      metrics();  // names the loss that is not finite, if there is one
      fail_training(fmt::format("{} is not finite", broken), position(), saved_);
    }
    Checkpoint checkpoint = begin_checkpoint();
    list.save(checkpoint);
    session_.log.sync();
    auto staging = session_.directory.new_checkpoint(position());
    checkpoint.write(staging.path());
    staging.publish(options_.keep_checkpoints);
    saved_ = position();
    last_save_ = steady_seconds();
  }

  TrainingSession& session_;
  RunConfig& config_;
  const DriveOptions& options_;
  Trainer& trainer_;
  const int64_t length_;
  int64_t saved_ = -1;  // position of the newest checkpoint; -1 = none yet
  double last_save_ = steady_seconds();
  double best_return_ = -std::numeric_limits<double>::infinity();  // of the evaluations
  double last_log_ = 0.0, last_processor_ = 0.0;                   // [s]
  TrainingCounts logged_;                                          // at the last row of the log
  Metrics shown_;
};

}  // namespace

TrainingResult drive(TrainingSession& session, Trainer& trainer, RunStart start) {
  set_compute_threads(static_cast<int>(session.config.threads));
  Drive run(session, trainer);
  if (start == RunStart::kResumed) {
    run.resumed();
  } else {
    trainer.start();
  }
  write_file_atomically(session.directory.config_file(), session.config.fields().to_toml());
  return run.run();
}

void resume_trainer(Trainer& trainer, const Checkpoint& checkpoint) {
  StateList list;
  trainer.state(list);
  list.load(checkpoint);
  if (const std::string broken = list.find_not_finite(); !broken.empty()) {
    fail_input(
        "{} is not finite: this checkpoint is damaged or was saved too late; continue from an "
        "older one",
        broken);
  }
}

}  // namespace reverie
