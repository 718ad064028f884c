#pragma once

#include <cstdint>

#include "envs/env.h"

namespace reverie {

// Where episodes end in training, beside the ends that the environment has. Both truncate: the
// value of what would follow is bootstrapped. Evaluations play their episodes to the end.
struct TrainingLimits {
  int64_t stall_limit = 0;    // steps in a row without a positive reward; 0 = none
  int64_t episode_limit = 0;  // steps of an episode; 0 = none

  bool any() const { return stall_limit > 0 || episode_limit > 0; }
};

// The environments of `make` within a TimeLimit and a StallLimit, where there are such limits.
EnvMaker with_training_limits(EnvMaker make, const TrainingLimits& limits);

}  // namespace reverie
