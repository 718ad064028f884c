#include "recordings/gymnasium.h"

#include <algorithm>
#include <iterator>

#include "core/json.h"
#include "envs/maze/goal_episode.h"
#include "envs/registry.h"

namespace reverie {
namespace {

// The classes behind the ids of Gymnasium 1.4.0 (gymnasium/envs/__init__.py) and of
// Gymnasium-Robotics 1.4.2 (gymnasium_robotics/__init__.py), by how the ids begin.
struct Counterpart {
  const char* id;
  const char* entry_point;
};
constexpr Counterpart kCounterparts[] = {
    {"HalfCheetah-v5", "gymnasium.envs.mujoco.half_cheetah_v5:HalfCheetahEnv"},
    {"CarRacing-v3", "gymnasium.envs.box2d.car_racing:CarRacing"},
    {"PointMaze_", "gymnasium_robotics.envs.maze.point_maze:PointMazeEnv"},
    {"AntMaze_", "gymnasium_robotics.envs.maze.ant_maze_v5:AntMazeEnv"}};

// A map as Gymnasium-Robotics takes it: rows of 1 (wall), 0, "g", "r" and "c" (both).
Json maze_map(const maze::MazeMap& map) {
  const auto cell = [](maze::Cell kind) -> Json {
    switch (kind) {
      case maze::Cell::kWall:
        return 1;
      case maze::Cell::kGoal:
        return "g";
      case maze::Cell::kStart:
        return "r";
      case maze::Cell::kBoth:
        return "c";
      default:
        return 0;
    }
  };
  Json::List rows;
  for (int64_t row = 0; row < map.rows(); ++row) {
    Json::List cells;
    for (int64_t column = 0; column < map.columns(); ++column) {
      cells.push_back(cell(map.at(row, column)));
    }
    rows.emplace_back(std::move(cells));
  }
  return rows;
}

// The arguments of the environment's class. Only the ids of mazes have any.
Json::Object arguments_of(EnvConfig& config) {
  const std::unique_ptr<Env> env = config.maker()();
  const maze::MazePhysics* maze = maze::find_maze(*env);
  if (maze == nullptr) return {};
  return {{"maze_map", maze_map(maze->layout().map)},
          {"reward_type", maze->task().dense ? "dense" : "sparse"}};
}

// All options except episode limits, which Gymnasium's description contains.
bool has_defaults(const EnvSpec& spec, EnvConfig& config) {
  const std::unique_ptr<EnvConfig> fresh = find_env(spec.id).config();
  ConfigFields fields, defaults;
  config.describe(fields);
  fresh->describe(defaults);
  return std::all_of(fields.all().begin(), fields.all().end(), [&](const ConfigField& field) {
    const ConfigField* usual = defaults.find(field.name);
    return field.name == "max_steps" || field.name == "time_limit" ||
           (usual != nullptr && usual->text() == field.text());
  });
}

}  // namespace

std::string gymnasium_env_spec(const EnvSpec& spec, EnvConfig& config) {
  const std::vector<std::string>& aliases = find_env(spec.id).aliases;
  const std::string id = aliases.empty() ? "" : aliases.front();
  const auto* const found =
      std::find_if(std::begin(kCounterparts), std::end(kCounterparts),
                   [&](const Counterpart& counterpart) { return id.starts_with(counterpart.id); });
  if (found == std::end(kCounterparts) || !has_defaults(spec, config)) return "";
  return Json(Json::Object{{"id", id},
                           {"entry_point", found->entry_point},
                           {"reward_threshold", nullptr},
                           {"nondeterministic", false},
                           {"max_episode_steps", spec.max_steps},
                           {"order_enforce", true},
                           {"disable_env_checker", false},
                           {"kwargs", arguments_of(config)},
                           {"additional_wrappers", Json::List()},
                           {"vector_entry_point", nullptr}})
      .dump();
}

}  // namespace reverie
