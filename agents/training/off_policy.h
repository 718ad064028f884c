#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include "agents/run_config.h"
#include "agents/training/training_loop.h"
#include "core/metric_log.h"
#include "core/progress.h"
#include "core/run_directory.h"

namespace reverie {

// What a training loop reports to, and who may stop it.
struct TrainingSession {
  RunConfig& config;
  RunDirectory& directory;
  MetricLog& log;
  ProgressBar& progress;
  const std::atomic<bool>& stop;  // set by a signal handler; the loop saves and returns
};

struct TrainingResult {
  int64_t steps = 0;
  int64_t updates = 0;
  bool interrupted = false;
};

// Gathers transitions with N environments into a replay buffer and learns from it:
//
//   repeat:  a = agent.act(obs);  env.step(a) runs while the agent learns from what is stored;
//            store the step
//
// Learning sees the data up to the previous step, so that both halves may overlap and the run is
// still a function of its config and seed alone. Saves a checkpoint every `checkpoint_every` steps,
// when `stop` becomes true and at the end.
//
// Writes the config into the run folder once everything else has been found right. A checkpoint of
// the first step is saved at once.
//
// resume: a checkpoint to continue from, freed as soon as it is restored; or nothing. Bit-equal on
// the CPU.
// Throws Error(kRun) when a loss is not finite; the last checkpoint stays.
TrainingResult train_off_policy(TrainingSession& session,
                                std::optional<Checkpoint> resume = std::nullopt);

// The same as an entry of the registry.
const TrainingLoop& off_policy_loop();

}  // namespace reverie
