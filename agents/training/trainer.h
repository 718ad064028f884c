#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agents/agent.h"
#include "agents/run_config.h"
#include "core/metric_log.h"
#include "core/progress.h"
#include "core/run_directory.h"
#include "nn/checkpoint.h"

namespace reverie {

// What a training run reports to, and how it is stopped.
struct TrainingSession {
  RunConfig& config;
  RunDirectory& directory;
  MetricLog& log;
  ProgressBar& progress;
  const std::atomic<bool>& stop;  // set by a signal handler; the run saves and returns
};

// The progress of a training.
struct TrainingCounts {
  int64_t position = 0;  // in the unit that TrainingConfig::length() counts
  int64_t steps = 0;     // of all environments
  int64_t updates = 0;
  std::string_view stage = {};  // title of the current stage; "" if there is only one
  bool is_done = false;         // nothing is left to do, although the position is not at the end
};

// A row of the log.
struct TrainingRow {
  Metrics values = {};
  Metrics shown = {};  // beside the progress bar, under short names
};

// One way to train an agent: defines one turn of the loop. drive() does the rest.
class Trainer {
 public:
  virtual ~Trainer() = default;

  // Called once before the first turn of a new run, not when a run is resumed.
  virtual void start() = 0;

  // Advances by one turn: gathers, learns, or both. Throws Error(kRun) when actions or losses are
  // not finite and it cannot continue.
  virtual void turn() = 0;

  virtual TrainingCounts counts() const = 0;

  virtual Agent& agent() = 0;

  // What happened since the last call. Throws Error(kRun) that names a metric that is not finite.
  virtual TrainingRow metrics() = 0;

  // Lists everything that training needs to continue, including the agent.
  virtual void state(StateList& list) = 0;

  // Draws pictures for people, every DriveOptions::picture_every.
  virtual void draw(const TrainingSession& /*session*/) {}

  // Called at the end of the run, before the last checkpoint is written: a run killed in between
  // calls it again when it is resumed.
  virtual void finish(const TrainingSession& /*session*/) {}
};

struct TrainingResult {
  TrainingCounts counts;
  bool interrupted = false;
};

// The one training loop: takes turns until the run is done or `stop` is set, and logs, evaluates,
// draws and saves in between according to DriveOptions; it also saves when a stage has begun. It
// saves a checkpoint of the start at once, so that a run killed before the next one can resume.
// Evaluation uses separate actors and does not affect training.
//
// Writes the config into the run folder before the first turn. A trainer restored by
// resume_trainer() continues from its checkpoint: on the CPU the run then ends with the same
// weights, bit for bit, as an uninterrupted one.
//
// Throws Error(kRun) when a tensor of the model or of the optimiser to be saved is not finite; the
// last checkpoint stays. The contents of replay buffers and environments are not checked.
enum class RunStart : uint8_t { kNew, kResumed };
TrainingResult drive(TrainingSession& session, Trainer& trainer, RunStart start = RunStart::kNew);

// Restores a trainer from a checkpoint of the same configuration. Throws Error(kInput) for contents
// that do not fit, and for weights and moments that are not finite.
void resume_trainer(Trainer& trainer, const Checkpoint& checkpoint);

}  // namespace reverie
