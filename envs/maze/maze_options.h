#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/config.h"
#include "core/spec.h"
#include "envs/factors.h"
#include "envs/maze/maze_layout.h"

namespace reverie::maze {

// Gymnasium-Robotics' id for its maze of that name ("umaze"): "PointMaze_UMazeDense-v3".
std::string robotics_name(std::string_view family, std::string_view maze, bool dense, int version);

// The common options of all mazes, whatever body moves through them.
struct MazeOptions {
  int64_t max_steps = 0;
  std::string map = {};  // a file, or a map itself (several lines); "" = the id's
  bool reset_target = false;
  bool continuing_task = true;    // only Gymnasium-Robotics
  bool goal_observation = false;  // only D4RL; Gymnasium-Robotics always shows the goal
  FactorOptions factors = {};

  // The options `map` and `max_steps` alone.
  void describe_map(ConfigFields& fields);

  // draws_goals: whether D4RL's convention has a goal that changes between episodes.
  void describe(ConfigFields& fields, Convention convention, bool draws_goals);

  // Throws Error(kInput) as MazeMap::load() does. of_id: a path below assets/maps.
  MazeMap load_map(const std::string& of_id) const;

  bool shows_goal(Convention convention) const {
    return convention == Convention::kRobotics || goal_observation;
  }

  // Adds the fields "achieved_goal" and "desired_goal" if they are observed.
  void add_goal_fields(EnvSpec& spec, Convention convention) const;

  // Whether map and episode length are the id's own, which published returns refer to.
  bool is_published_task(int64_t steps_of_id) const {
    return map.empty() && max_steps == steps_of_id;
  }
};

}  // namespace reverie::maze
