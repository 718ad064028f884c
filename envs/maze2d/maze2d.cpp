#include "envs/maze2d/maze2d.h"

#include "core/assets.h"
#include "envs/maze/maze_options.h"
#include "envs/maze/waypoint_driver.h"
#include "envs/maze2d/maze_env.h"

namespace reverie::maze2d {
namespace {

// One maze id: its map, convention, episode length and reference returns.
struct Variant {
  std::string id;  // without "-dense"
  Convention convention;
  std::string map;  // under assets/maps
  int64_t max_steps;
  // Returns of a random and of the waypoint policy, sparse and dense (D4RL, infos.py, v1).
  std::optional<ReferenceReturns> sparse = {}, dense = {};
};

const std::vector<Variant>& variants() {
  static const std::vector<Variant> list = {
      {"maze2d-open", Convention::kD4rl, "maze2d/open.txt", 150, ReferenceReturns{0.01, 20.66},
       ReferenceReturns{11.17817, 27.166539}},
      {"maze2d-umaze", Convention::kD4rl, "maze2d/umaze.txt", 300, ReferenceReturns{23.85, 161.86},
       ReferenceReturns{68.537689, 193.662856}},
      {"maze2d-medium", Convention::kD4rl, "maze2d/medium.txt", 600,
       ReferenceReturns{13.13, 277.39}, ReferenceReturns{44.264742, 297.455255}},
      {"maze2d-large", Convention::kD4rl, "maze2d/large.txt", 800, ReferenceReturns{6.7, 273.99},
       ReferenceReturns{30.569041, 303.485738}},
      {"pointmaze-open", Convention::kRobotics, "pointmaze/open.txt", 300},
      {"pointmaze-umaze", Convention::kRobotics, "pointmaze/umaze.txt", 300},
      {"pointmaze-medium", Convention::kRobotics, "pointmaze/medium.txt", 600},
      {"pointmaze-large", Convention::kRobotics, "pointmaze/large.txt", 800},
  };
  return list;
}

class MazeConfig final : public EnvConfig {
 public:
  MazeConfig(const Variant& variant, bool dense)
      : variant_(variant), dense_(dense), options_{.max_steps = variant.max_steps} {}

  void describe(ConfigFields& fields) override {
    options_.describe(fields, variant_.convention, /*draws_goals=*/true);
  }

  std::vector<Factor> factors() const override { return point_maze_factors(load()->layout); }

  EnvMaker maker() const override {
    const std::shared_ptr<const PointMaze> maze = load();
    const auto task = std::make_shared<const PointTask>(make_task(maze->layout));
    return [maze, task] { return std::make_unique<MazeEnv>(maze, task); };
  }

 private:
  bool is_d4rl() const { return variant_.convention == Convention::kD4rl; }

  std::shared_ptr<const PointMaze> load() const {
    return build_point_maze(variant_.convention, options_.load_map(variant_.map));
  }

  PointTask make_task(const maze::MazeLayout& layout) const {
    const double noise = is_d4rl() ? kD4rlPositionNoise : maze::kRoboticsNoise;
    PointTask task{.goal = {.spec = make_spec(),
                            .dense = dense_,
                            .goal_when_reached = !is_d4rl() && options_.reset_target,
                            .ends_at_goal = !is_d4rl() && !options_.continuing_task,
                            .one_goal = is_d4rl() && !options_.reset_target,
                            .start_noise = noise,
                            .goal_noise = noise,
                            .start_distance = is_d4rl() ? 0.0 : maze::kRoboticsStartDistance},
                   .goal_observation = options_.shows_goal(variant_.convention)};
    task.goal.paths = std::make_shared<const maze::ShortestPath>(layout, maze::PathNorm::kMaximum);
    task.goal.factors =
        maze::plan_factors(task.goal.spec.id, point_maze_factors(layout), options_.factors, layout,
                           kBallRadius, task.goal.start_distance);
    // Normalised scores refer to the id's own dynamics, starts and goal.
    if (task.goal.factors->changes_dynamics()) task.goal.spec.reference.reset();
    return task;
  }

  EnvSpec make_spec() const {
    EnvSpec spec;
    spec.id = variant_.id + (dense_ ? "-dense" : "");
    spec.observation = {{.name = "observation", .shape = {4}, .dtype = DType::kFloat64}};
    options_.add_goal_fields(spec, variant_.convention);
    spec.action = Field{.name = "action", .shape = {2}, .low = {-1.0F}, .high = {1.0F}};
    spec.dt = 0.01;
    spec.max_steps = options_.max_steps;
    // Normalised scores refer to the id's own task; another map or episode length has no reference.
    if (options_.is_published_task(variant_.max_steps) && !options_.reset_target) {
      spec.reference = dense_ ? variant_.dense : variant_.sparse;
    }
    spec.source = is_d4rl() ? "D4RL maze2d v1 (open: v0); differs: MuJoCo 4.0.0, NumPy's new "
                              "generator, no floor (without effect)"
                            : "Gymnasium-Robotics 1.4.2 PointMaze-v3 on MuJoCo 4.0.0; differs: no "
                              "floor (without effect)";
    return spec;
  }

  Variant variant_;
  bool dense_;
  maze::MazeOptions options_;
};

}  // namespace

namespace {

// D4RL's maze2d-open is v0, its other mazes are v1.
std::string alias_of(const Variant& variant, bool dense) {
  if (variant.convention == Convention::kRobotics) {
    return maze::robotics_name("PointMaze", variant.id.substr(variant.id.find('-') + 1), dense, 3);
  }
  return fmt::format("{}{}-v{}", variant.id, dense ? "-dense" : "",
                     variant.id == "maze2d-open" ? 0 : 1);
}

}  // namespace

std::vector<EnvEntry> environments() {
  std::vector<EnvEntry> entries;
  for (const Variant& variant : variants()) {
    for (const bool dense : {false, true}) {
      entries.push_back(
          {.id = variant.id + (dense ? "-dense" : ""),
           .summary =
               fmt::format("point maze, {} conventions, {} reward, {} steps",
                           variant.convention == Convention::kD4rl ? "D4RL" : "Gymnasium-Robotics",
                           dense ? "dense" : "sparse", variant.max_steps),
           .config = [variant, dense] { return std::make_unique<MazeConfig>(variant, dense); },
           .aliases = {alias_of(variant, dense)},
           .benchmark = !dense && variant.map.ends_with("umaze.txt"),
           .controllers = {{"waypoint", &maze::make_waypoint_driver}},
           .bare_step_rate =
               [variant](int threads, double seconds) {
                 const auto map = maze::MazeMap::load(asset_path("maps") / variant.map);
                 return bare_step_rate(build_point_maze(variant.convention, map)->model, 1, threads,
                                       seconds);
               }});
    }
  }
  return entries;
}

}  // namespace reverie::maze2d
