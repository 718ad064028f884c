#include "envs/grid_maze/grid_maze.h"

#include "envs/grid_maze/grid_maze_env.h"
#include "envs/grid_maze/value_map.h"
#include "envs/maze/maze_options.h"

namespace reverie::grid_maze {
namespace {

constexpr Color kBodyColor{21, 101, 216};

// One grid maze id: its map and its episode length.
struct Variant {
  std::string id;
  std::string map;  // under assets/maps
  int64_t max_steps;
};

const std::vector<Variant>& variants() {
  static const std::vector<Variant> list = {
      {"gridmaze-open", "maze2d/open.txt", 100},
      {"gridmaze-umaze", "maze2d/umaze.txt", 100},
      {"gridmaze-medium", "maze2d/medium.txt", 200},
      {"gridmaze-large", "maze2d/large.txt", 400},
  };
  return list;
}

class GridMazeConfig final : public EnvConfig {
 public:
  explicit GridMazeConfig(const Variant& variant)
      : variant_(variant), options_{.max_steps = variant.max_steps} {}

  void describe(ConfigFields& fields) override { options_.describe_map(fields); }

  EnvMaker maker() const override {
    return [task = make_task()] { return std::make_unique<GridMazeEnv>(task); };
  }

  std::optional<FiniteModel> finite_model() const override {
    const std::shared_ptr<const GridTask> task = make_task();
    const auto draw = [task](Canvas& canvas, std::span<const double> values,
                             std::span<const int64_t> moves) {
      draw_value_map(canvas, *task, values, moves);
    };
    return FiniteModel{.mdp = task->world.mdp(), .draw = draw};
  }

 private:
  std::shared_ptr<const GridTask> make_task() const {
    GridWorld world(options_.load_map(variant_.map));
    EnvSpec spec;
    spec.id = variant_.id;
    spec.observation = {{.name = "cell",
                         .shape = {},
                         .dtype = DType::kInt64,
                         .low = {0.0F},
                         .high = {static_cast<float>(world.states() - 1)}},
                        {.name = "observation", .shape = {2}, .dtype = DType::kFloat64}};
    spec.action = DiscreteSpace{kMoves};
    spec.dt = 0.2;
    spec.max_steps = options_.max_steps;
    spec.source =
        "the cells of D4RL's maze2d map; moves and rewards as in Sutton & Barto 2018, example 4.1";
    const auto plan = std::make_shared<const FactorPlan>(
        spec.id, maze::maze_factors(world.layout(), "agent", kBodyColor), FactorOptions{});
    const maze::MazeLook look = maze::look_of(FactorValues(plan));
    return std::make_shared<const GridTask>(GridTask{std::move(spec), std::move(world), look});
  }

  Variant variant_;
  maze::MazeOptions options_;
};

}  // namespace

std::vector<EnvEntry> environments() {
  std::vector<EnvEntry> entries;
  for (const Variant& variant : variants()) {
    entries.push_back(
        {.id = variant.id,
         .summary =
             fmt::format("grid maze: a move a cell, reward -1 a move, {} steps", variant.max_steps),
         .config = [variant] { return std::make_unique<GridMazeConfig>(variant); }});
  }
  return entries;
}

}  // namespace reverie::grid_maze
