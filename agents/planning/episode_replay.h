#pragma once

#include <cstdint>
#include <vector>

#include "envs/env.h"
#include "envs/wrappers/reach_goal.h"

namespace reverie {

// The data to replay an episode in an environment with the same options.
struct PlayedActions {
  uint64_t seed = 0;            // of the reset
  std::vector<double> actions;  // [T, ...] row after row
};

// For environments whose parts are read-only: the whole state before step `start`, and the picture
// and the position before step `goal`. The position is the first of PhysicsState::parts(). Throws
// Error(kInput) unless 0 <= start < goal <= T, when the environment has no named parts or shows no
// pixels, and when its episode ends before `goal`.
ReachGoalTask replay_goal_task(Env& env, const PlayedActions& played, int64_t start, int64_t goal);

}  // namespace reverie
