#include "envs/maze/maze_options.h"

#include <cctype>

#include "core/assets.h"

namespace reverie::maze {

std::string robotics_name(std::string_view family, std::string_view maze, bool dense, int version) {
  std::string name(maze == "umaze" ? "uMaze" : maze);
  name[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(name[0])));
  return fmt::format("{}_{}{}-v{}", family, name, dense ? "Dense" : "", version);
}

void MazeOptions::describe_map(ConfigFields& fields) {
  fields.add_file("map", map, "map file (docs/maps.md); \"\" = the id's own");
  fields.add("max_steps", max_steps, "steps after which an episode is truncated", at_least(1));
}

void MazeOptions::describe(ConfigFields& fields, Convention convention, bool draws_goals) {
  describe_map(fields);
  if (convention == Convention::kD4rl) {
    if (draws_goals) {
      fields.add("reset_target", reset_target, "draw a new goal for each episode");
    }
    fields.add("goal_observation", goal_observation,
               "observe achieved_goal and desired_goal as well (D4RL does not)");
  } else {
    fields.add("reset_target", reset_target, "draw a new goal whenever it is reached");
    fields.add("continuing_task", continuing_task,
               "go on after the goal is reached; false: the episode terminates there");
  }
  factors.describe(fields);
}

MazeMap MazeOptions::load_map(const std::string& of_id) const {
  if (map.find('\n') != std::string::npos) return MazeMap::parse(map, "--map");
  return MazeMap::load(map.empty() ? asset_path("maps") / of_id : std::filesystem::path(map));
}

void MazeOptions::add_goal_fields(EnvSpec& spec, Convention convention) const {
  if (!shows_goal(convention)) return;
  for (const char* name : {"achieved_goal", "desired_goal"}) {
    spec.observation.push_back({.name = name, .shape = {2}, .dtype = DType::kFloat64});
  }
}

}  // namespace reverie::maze
