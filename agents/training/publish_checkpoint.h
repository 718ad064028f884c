#pragma once

#include <cstdint>

#include "agents/training/off_policy.h"
#include "nn/checkpoint.h"

namespace reverie {

// Writes what a training loop saves at a step, and whose it is, as the run's latest checkpoint;
// rows of the log that belong to it are on the disk before. Throws Error(kRun) when the disk fails,
// and the checkpoint before it stays.
void publish_checkpoint(TrainingSession& session, Checkpoint& checkpoint, int64_t step);

}  // namespace reverie
