#pragma once

#include <cstdint>
#include <memory>

#include "envs/controller.h"
#include "envs/maze/goal_episode.h"

namespace reverie::maze {

// The point maze inside an environment, whatever wraps it. Throws Error(kInput) that names the
// environment when there is none.
const MazePhysics& point_maze_physics(Env& env);

// The waypoint controller (waypoint.h) as a policy. It drives to the environment's goal, read from
// `desired_goal` or, if that is not observed, to the one goal that all episodes share. A new
// episode or goal makes a new plan.
// Throws Error(kInput) for environments other than point mazes, and when goals change between
// episodes without being observed.
std::unique_ptr<Controller> make_waypoint_driver(Env& env, uint64_t seed);

}  // namespace reverie::maze
