#include "envs/ant_maze/ant_maze.h"

#include <algorithm>

#include "core/assets.h"
#include "envs/ant_maze/ant_maze_env.h"
#include "envs/maze/maze_options.h"

namespace reverie::ant_maze {
namespace {

using maze::Convention;

// One ant maze id: its map, its convention and its episode length.
struct Variant {
  std::string id;
  Convention convention;
  std::string map;  // under assets/maps
  int64_t max_steps;
  bool dense = false;
};

// Gymnasium-Robotics' ant uses the maps of its point.
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
      : variant_(variant), options_{.max_steps = variant.max_steps} {}

  void describe(ConfigFields& fields) override {
    options_.describe(fields, variant_.convention, /*draws_goals=*/false);
  }

  std::vector<Factor> factors() const override { return ant_maze_factors(load()->layout); }

  EnvMaker maker() const override {
    const std::shared_ptr<const AntWorld> world = load();
    const auto task = std::make_shared<const AntTask>(make_task(world->layout));
    return [world, task] { return std::make_unique<AntMazeEnv>(world, task); };
  }

 private:
  bool is_d4rl() const { return variant_.convention == Convention::kD4rl; }
  std::shared_ptr<const AntWorld> load() const {
    return build_ant_world(variant_.convention, options_.load_map(variant_.map));
  }

  AntTask make_task(const maze::MazeLayout& layout) const {
    const double noise = maze::kRoboticsNoise * layout.cell;
    AntTask task{
        .goal = {.spec = make_spec(),
                 .dense = variant_.dense,
                 .goal_when_reached = !is_d4rl() && options_.reset_target,
                 .ends_at_goal = is_d4rl() || !options_.continuing_task,
                 .start_noise = is_d4rl() ? kD4rlNoise : noise,
                 .goal_noise = noise,
                 .start_distance = is_d4rl() ? 0.0 : maze::kRoboticsStartDistance * layout.cell},
        .goal_observation = options_.shows_goal(variant_.convention)};
    task.goal.paths =
        std::make_shared<const maze::ShortestPath>(layout, maze::PathNorm::kEuclidean);
    EnvSpec& spec = task.goal.spec;
    task.goal.factors = maze::plan_factors(spec.id, ant_maze_factors(layout), options_.factors,
                                           layout, kReach, task.goal.start_distance);
    // Normalised scores refer to the id's own dynamics, starts and goal.
    if (task.goal.factors->changes_dynamics()) spec.reference.reset();
    return task;
  }

  EnvSpec make_spec() const {
    EnvSpec spec;
    spec.id = variant_.id;
    const int64_t size =
        is_d4rl() ? kPositions + kVelocities : kPositions - 2 + kVelocities + int64_t{6} * kBodies;
    spec.observation = {{.name = "observation", .shape = {size}, .dtype = DType::kFloat64}};
    options_.add_goal_fields(spec, variant_.convention);
    spec.action = Field{.name = "action", .shape = {kMotors}, .low = {-1.0F}, .high = {1.0F}};
    spec.dt = is_d4rl() ? 0.1 : 0.05;
    spec.max_steps = options_.max_steps;
    // D4RL counts an episode that reaches the goal as 100. Another map or episode length has no
    // reference.
    if (is_d4rl() && options_.is_published_task(variant_.max_steps)) {
      spec.reference = ReferenceReturns{0.0, 1.0};
    }
    spec.source = is_d4rl() ? "D4RL antmaze-v2; differs: MuJoCo 4.0.0, NumPy's new generator"
                            : "Gymnasium-Robotics 1.4.2 AntMaze-v5 on MuJoCo 4.0.0; differs: none";
    return spec;
  }

  Variant variant_;
  maze::MazeOptions options_;
};

// The model with the ant at a start. The model file puts it at the origin, which may lie in a wall,
// where contacts are many and steps slow.
SharedModel model_at_start(const AntWorld& world) {
  const std::shared_ptr<mjModel> model(mj_copyModel(nullptr, world.model.get()), MjModelDeleter());
  REVERIE_CHECK_RUN(model != nullptr, "MuJoCo: no memory for a model");
  const maze::Position& start = world.layout.starts.front();
  std::copy(start.begin(), start.end(), model->qpos0);
  return model;
}

}  // namespace

namespace {

std::vector<std::string> aliases_of(const Variant& variant) {
  if (variant.convention == Convention::kD4rl) return {};  // its ids name datasets, not mazes
  const std::string name = variant.id.substr(variant.id.find('-') + 1);
  return {maze::robotics_name("AntMaze", name.substr(0, name.find('-')), variant.dense, 5)};
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
         .aliases = aliases_of(variant),
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
