#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "agents/run_config.h"
#include "envs/wrappers/reach_goal.h"

namespace reverie {

// The goals for a policy that plans to goals: recorded states, drawn from episodes that it has not
// learnt from, or the user's.
struct GoalRequest {
  static constexpr int64_t kMostSteps = 1000000;  // of an episode

  std::string dataset;          // "" = the run's training dataset
  std::string steps = "25-50";  // from start to goal
  int64_t budget = 0;           // [steps] 0 = twice the greatest number from start to goal
  double radius = 0.0;          // [m] 0 = the environment's own
  std::string image;            // a PNG file; "" = pictures of recorded states
  std::vector<double> state;    // qpos; empty = recorded ones
  bool simulator = true;        // plan on the true simulator too
};

// The goals that a run is evaluated with.
struct Goals {
  std::shared_ptr<const std::vector<ReachGoalTask>> tasks;
  ReachGoalOptions options;
  std::string source;  // origin, for people: "held-out episodes of F, 25-50 steps"

  // Whether a planner on the true simulator can use them.
  bool suit_simulator() const;
};

// config: of the run. known: the content of the dataset that it learnt from, "" where it gathered
// (open_split_dataset()). make: its environment, as the policy sees it. The same seed gives the
// same goals. Throws Error(kInput) for flags that do not fit together, a picture of another size,
// and as draw_goal_tasks() does.
Goals find_goals(const GoalRequest& flags, const RunConfig& config, const std::string& known,
                 const EnvMaker& make, int64_t count, uint64_t seed);

// The environment with these goals; also with the fields for a planner on the simulator, if
// requested and goal states are known.
EnvMaker with_goals(const EnvMaker& make, const Goals& goals, bool planner_fields);

}  // namespace reverie
