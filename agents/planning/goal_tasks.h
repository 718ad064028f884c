#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "datasets/dataset.h"
#include "envs/env.h"
#include "envs/wrappers/reach_goal.h"

namespace reverie {

// How pairs of a start and a goal are drawn from recorded episodes.
struct GoalTaskOptions {
  int64_t count = 100;
  int64_t least_steps = 25, most_steps = 50;  // from start to goal, drawn uniformly, >= 1
  std::optional<double> radius = {};  // of what counts as reached [m]; the environment's own
  // One goal for all tasks instead of a state of the same episode: qpos at rest, or a picture as in
  // ReachGoalTask, for which starts that solve it cannot be detected.
  std::vector<double> goal = {};
  std::vector<uint8_t> picture = {};
  uint64_t seed = 0;
};

// Start and goal states from the same episode, one of the dataset's `episodes`, some steps apart,
// uniform over all such pairs. If the environment measures a distance, pairs solved at their start
// are redrawn. States are the parts of PhysicsState that the dataset holds as info, including
// `qpos`; if parts are read-only, the episodes are replayed from their seeds and actions
// (replay_goal_task()). The same seed gives the same pairs.
//
// Throws Error(kInput) for a dataset without these data, for a goal of another size, when no
// episode is long enough, and when a thousand pairs in a row were solved at their start.
std::vector<ReachGoalTask> draw_goal_tasks(Dataset& dataset, const std::vector<int64_t>& episodes,
                                           Env& env, const GoalTaskOptions& options);

// Likewise from episodes of random actions played for this purpose, for runs that did not learn
// from a dataset.
std::vector<ReachGoalTask> play_goal_tasks(const EnvMaker& make, const GoalTaskOptions& options);

}  // namespace reverie
