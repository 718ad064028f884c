#pragma once

#include <cstdint>
#include <vector>

#include "envs/env.h"
#include "envs/wrappers/reach_goal.h"

namespace reverie {

// What an episode can be played again from, in an environment with the same options.
struct PlayedActions {
  uint64_t seed = 0;            // of the reset
  std::vector<double> actions;  // [T, ...] row after row
};

// For environments whose parts can only be read: the state before step `start` as a whole, and the
// picture and the place before step `goal`. The place is the first of PhysicsState::parts().
// Throws Error(kInput) unless 0 <= start < goal <= T, where the environment names no parts or shows
// no pixels, and where its episode ends before `goal`.
ReachGoalTask replay_goal_task(Env& env, const PlayedActions& played, int64_t start, int64_t goal);

}  // namespace reverie
