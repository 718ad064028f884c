#pragma once

#include <cstdint>
#include <memory>

#include "envs/controller.h"
#include "envs/maze/goal_episode.h"

namespace reverie::maze {

// The point maze inside an environment, whatever is wrapped around it. Throws Error(kInput) that
// names the environment where there is none.
const MazePhysics& point_maze_physics(Env& env);

// The waypoint controller (waypoint.h) as a policy: drives to the environment's own goal, which it
// reads from `desired_goal`, or, where that is not observed, to the one goal that all episodes
// share. A new episode or another goal makes a new plan.
// Throws Error(kInput) for other environments than point mazes, and where goals change from episode
// to episode without being observed.
std::unique_ptr<Controller> make_waypoint_driver(Env& env, uint64_t seed);

}  // namespace reverie::maze
