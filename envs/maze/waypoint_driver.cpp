#include "envs/maze/waypoint_driver.h"

#include <algorithm>
#include <optional>

#include "envs/maze/waypoint.h"

namespace reverie::maze {
namespace {

constexpr const char* kName = "waypoint";

class WaypointDriver final : public Controller {
 public:
  WaypointDriver(const EnvSpec& spec, const MazePhysics& maze, uint64_t seed)
      : controller_(maze.layout(), seed), state_(observed_field(spec, "observation", 4, kName)) {
    const bool observed =
        std::any_of(spec.observation.begin(), spec.observation.end(),
                    [](const Field& field) { return field.name == "desired_goal"; });
    if (observed) {
      goal_field_ = observed_field(spec, "desired_goal", 2, kName);
      return;
    }
    REVERIE_CHECK(maze.has_fixed_goal(),
                  "{}: the {} controller does not see the goal, which changes from episode to "
                  "episode; add --goal-observation true",
                  spec.id, kName);
    maze.get("desired_goal", goal_);
  }

  void reset() override { controller_.reset(); }

  void act(ConstFieldViews obs, FieldView action) override {
    const std::span<const double> state = obs[state_].as<double>();
    if (goal_field_) std::ranges::copy(obs[*goal_field_].as<double>(), goal_.begin());
    const auto command = controller_.act({state[0], state[1]}, {state[2], state[3]}, goal_);
    const std::span<float> out = action.as<float>();
    for (size_t axis = 0; axis < 2; ++axis) out[axis] = static_cast<float>(command.action[axis]);
  }

 private:
  WaypointController controller_;
  size_t state_;                           // x, y [m], vx, vy [m/s]
  std::optional<size_t> goal_field_ = {};  // nothing: goal_ never changes
  Position goal_{};
};

}  // namespace

const MazePhysics& point_maze_physics(Env& env) {
  const MazePhysics* maze = find_maze(env);
  const bool is_point = maze != nullptr && maze->parts().front().size == 2;
  REVERIE_CHECK(is_point,
                "{} is not a point maze, which the {} controller needs; try maze2d-umaze or "
                "another of `reverie list envs`",
                env.spec().id, kName);
  return *maze;
}

std::unique_ptr<Controller> make_waypoint_driver(Env& env, uint64_t seed) {
  return std::make_unique<WaypointDriver>(env.spec(), point_maze_physics(env), seed);
}

}  // namespace reverie::maze
