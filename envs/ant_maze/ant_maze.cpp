#include "envs/ant_maze/ant_maze.h"

#include <algorithm>

#include "core/assets.h"
#include "envs/ant_maze/ant_maze_env.h"

namespace reverie::ant_maze {
namespace {

using maze::Convention;

// One ant maze id: which map, which convention, how long.
struct Variant {
  std::string id;
  Convention convention;
  std::string map;  // under assets/maps
  int64_t max_steps;
  bool dense = false;
};

// The maps of Gymnasium-Robotics' ant are those of its point.
const std::vector<Variant>& variants() {
  static const std::vector<Variant> list = {
      {"antmaze-umaze", Convention::kRobotics, "pointmaze/umaze.txt", 700},
      {"antmaze-umaze-dense", Convention::kRobotics, "pointmaze/umaze.txt", 700, true},
      {"antmaze-medium", Convention::kRobotics, "pointmaze/medium.txt", 1000},
      {"antmaze-medium-dense", Convention::kRobotics, "pointmaze/medium.txt", 1000, true},
      {"antmaze-large", Convention::kRobotics, "pointmaze/large.txt", 1000},
      {"antmaze-large-dense", Convention::kRobotics, "pointmaze/large.txt", 1000, true},
      {"antmaze-umaze-d4rl", Convention::kD4rl, "antmaze/umaze.txt", 700},
      {"antmaze-medium-d4rl", Convention::kD4rl, "antmaze/medium.txt", 1000},
      {"antmaze-large-d4rl", Convention::kD4rl, "antmaze/large.txt", 1000},
  };
  return list;
}

class AntMazeConfig final : public EnvConfig {
 public:
  explicit AntMazeConfig(const Variant& variant)
      : variant_(variant), max_steps_(variant.max_steps) {}

  void describe(ConfigFields& fields) override {
    fields.add("map", map_, "a map file of your own (docs/maps.md); \"\" = the id's");
    fields.add("max_steps", max_steps_, "steps after which an episode is truncated", at_least(1));
    if (is_d4rl()) {
      fields.add("goal_observation", goal_observation_,
                 "add achieved_goal and desired_goal to the observation, which D4RL does not");
    } else {
      fields.add("reset_target", reset_target_, "draw a new goal whenever it is reached");
      fields.add("continuing_task", continuing_task_,
                 "go on after the goal is reached; false: the episode terminates there");
    }
    factors_.describe(fields);
  }

  std::vector<Factor> factors() const override { return ant_maze_factors(load()->layout); }

  EnvMaker maker() const override {
    const std::shared_ptr<const AntWorld> world = load();
    const auto task = std::make_shared<const AntTask>(make_task(world->layout));
    return [world, task] { return std::make_unique<AntMazeEnv>(world, task); };
  }

 private:
  bool is_d4rl() const { return variant_.convention == Convention::kD4rl; }
  bool has_goal_observation() const { return !is_d4rl() || goal_observation_; }

  std::shared_ptr<const AntWorld> load() const {
    const std::filesystem::path file =
        map_.empty() ? asset_path("maps") / variant_.map : std::filesystem::path(map_);
    return build_ant_world(variant_.convention, maze::MazeMap::load(file));
  }

  AntTask make_task(const maze::MazeLayout& layout) const {
    const double noise = maze::kRoboticsNoise * layout.cell;
    AntTask task{
        .goal = {.spec = make_spec(),
                 .dense = variant_.dense,
                 .goal_when_reached = !is_d4rl() && reset_target_,
                 .ends_at_goal = is_d4rl() || !continuing_task_,
                 .start_noise = is_d4rl() ? kD4rlNoise : noise,
                 .goal_noise = noise,
                 .start_distance = is_d4rl() ? 0.0 : maze::kRoboticsStartDistance * layout.cell},
        .goal_observation = has_goal_observation()};
    EnvSpec& spec = task.goal.spec;
    task.goal.factors = maze::plan_factors(spec.id, ant_maze_factors(layout), factors_, layout,
                                           kReach, task.goal.start_distance);
    // Scores are of the id's own dynamics, starts and goal.
    if (task.goal.factors->changes_dynamics()) spec.reference.reset();
    return task;
  }

  EnvSpec make_spec() const {
    EnvSpec spec;
    spec.id = variant_.id;
    const int64_t size =
        is_d4rl() ? kPositions + kVelocities : kPositions - 2 + kVelocities + int64_t{6} * kBodies;
    spec.observation = {{.name = "observation", .shape = {size}, .dtype = DType::kFloat64}};
    if (has_goal_observation()) {
      spec.observation.push_back({.name = "achieved_goal", .shape = {2}, .dtype = DType::kFloat64});
      spec.observation.push_back({.name = "desired_goal", .shape = {2}, .dtype = DType::kFloat64});
    }
    spec.action = Field{.name = "action", .shape = {kMotors}, .low = {-1.0F}, .high = {1.0F}};
    spec.dt = is_d4rl() ? 0.1 : 0.05;
    spec.max_steps = max_steps_;
    // D4RL counts an episode that reaches the goal as 100. Another map or clock has no reference.
    if (is_d4rl() && map_.empty() && max_steps_ == variant_.max_steps) {
      spec.reference = ReferenceReturns{0.0, 1.0};
    }
    spec.source = is_d4rl() ? "D4RL antmaze-v2; differs: MuJoCo 4.0.0, NumPy's new generator"
                            : "Gymnasium-Robotics 1.4.2 AntMaze-v5 on MuJoCo 4.0.0; differs: none";
    return spec;
  }

  Variant variant_;
  int64_t max_steps_;
  std::string map_;
  bool reset_target_ = false;
  bool continuing_task_ = true;
  bool goal_observation_ = false;
  FactorOptions factors_;
};

// The model with an ant that stands at a start: the model's own stands at the origin, which may be
// in a wall, where contacts are many and steps slow.
SharedModel model_at_start(const AntWorld& world) {
  const std::shared_ptr<mjModel> model(mj_copyModel(nullptr, world.model.get()), MjModelDeleter());
  REVERIE_CHECK_RUN(model != nullptr, "MuJoCo: no memory for a model");
  const maze::Position& start = world.layout.starts.front();
  std::copy(start.begin(), start.end(), model->qpos0);
  return model;
}

}  // namespace

std::vector<EnvEntry> environments() {
  std::vector<EnvEntry> entries;
  for (const Variant& variant : variants()) {
    const bool d4rl = variant.convention == Convention::kD4rl;
    entries.push_back(
        {.id = variant.id,
         .summary = fmt::format("ant maze, {} conventions, {} reward, {} steps",
                                d4rl ? "D4RL" : "Gymnasium-Robotics",
                                variant.dense ? "dense" : "sparse", variant.max_steps),
         .config = [variant] { return std::make_unique<AntMazeConfig>(variant); },
         .benchmark = variant.id == "antmaze-umaze",
         .bare_step_rate =
             [variant](int threads, double seconds) {
               const auto map = maze::MazeMap::load(asset_path("maps") / variant.map);
               return bare_step_rate(model_at_start(*build_ant_world(variant.convention, map)),
                                     kFrameSkip, threads, seconds);
             }});
  }
  return entries;
}

}  // namespace reverie::ant_maze
