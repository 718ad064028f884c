#pragma once

#include "agents/training/training_config.h"
#include "replay/replay_buffer.h"

namespace reverie {

// How a training run stores what it learns from: memory, files and priorities.
ReplayOptions replay_options(const TrainingConfig& training);

}  // namespace reverie
