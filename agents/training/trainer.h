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

// What a training run reports to, and who may stop it.
struct TrainingSession {
  RunConfig& config;
  RunDirectory& directory;
  MetricLog& log;
  ProgressBar& progress;
  const std::atomic<bool>& stop;  // set by a signal handler; the run saves and returns
};

// How far a training is.
struct TrainingCounts {
  int64_t position = 0;  // in the unit that TrainingConfig::length() counts
  int64_t steps = 0;     // of all environments
  int64_t updates = 0;
  std::string_view stage = {};  // what people are told when it begins; "" where there is but one
};

// A row of the log.
struct TrainingRow {
  Metrics values = {};
  Metrics shown = {};  // beside the progress bar, under short names
};

// One way to train an agent: what one turn of the loop is. drive() does the rest.
class Trainer {
 public:
  virtual ~Trainer() = default;

  // A new run begins: called once before the first turn, not where a run is resumed.
  virtual void start() = 0;

  // Goes on by one turn: gathers, learns, or both. Throws Error(kRun) where actions or losses are
  // not finite and it cannot go on.
  virtual void turn() = 0;

  virtual TrainingCounts counts() const = 0;

  virtual Agent& agent() = 0;

  // What happened since the last call. Throws Error(kRun) that names a metric which is not finite.
  virtual TrainingRow metrics() = 0;

  // Everything that training needs to continue, the agent among it.
  virtual void state(StateList& list) = 0;

  // Pictures for people, every DriveOptions::picture_every.
  virtual void draw(const TrainingSession& /*session*/) {}

  // The run is at its end; its last checkpoint is written afterwards, so that a run that is killed
  // in between does this again when it is resumed.
  virtual void finish(const TrainingSession& /*session*/) {}
};

struct TrainingResult {
  TrainingCounts counts;
  bool interrupted = false;
};

// The one training loop: takes turns until the run is done or `stop` is set, and logs, evaluates,
// draws and saves in between as DriveOptions say. A checkpoint of the start is saved at once, so
// that a run that is killed before the first one is due can resume. Evaluation makes actors of its
// own and changes nothing of the training.
//
// Writes the config into the run folder before the first turn. A trainer that was given a
// checkpoint back (resume_trainer()) goes on from there: on the CPU the run then ends in the same
// weights, bit for bit, as one that was never stopped.
//
// Throws Error(kRun) where a tensor of the model or of the optimiser that would be saved is not
// finite; the last checkpoint stays. What a replay buffer and the environments hold is not looked
// at.
enum class RunStart : uint8_t { kNew, kResumed };
TrainingResult drive(TrainingSession& session, Trainer& trainer, RunStart start = RunStart::kNew);

// Gives a trainer back what a checkpoint of the same configuration saved. Throws Error(kInput) for
// what does not fit, and for weights and moments that are not finite.
void resume_trainer(Trainer& trainer, const Checkpoint& checkpoint);

}  // namespace reverie
