#include "envs/maze2d/maze_env.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "envs/maze/maze_drawing.h"

namespace reverie::maze2d {
namespace {

using maze::Position;

constexpr double kMaxSpeed = 5.0;           // [m/s] per axis, clipped before the engine's step
constexpr double kD4rlVelocityNoise = 0.1;  // [m/s] standard deviation
constexpr double kVelocityScale = 0.15;     // [s] length of the velocity arrow per m/s

struct Ball {
  Point at;
  Position velocity;  // [m/s]
  double radius;      // [m]
};

void draw_ball(const maze::MazePicture& picture, const Ball& ball, Color color) {
  Canvas& canvas = picture.canvas();
  const auto [at, velocity, radius] = ball;
  if (!picture.detailed()) {
    // Its true size would be below two pixels.
    canvas.fill_circle(at, std::max(radius, picture.pixels(1.7)), color);
    return;
  }
  const double speed = std::hypot(velocity[0], velocity[1]);
  const double length = kVelocityScale * speed;
  if (picture.shadows() && length > radius) {
    const Point along{velocity[0] / speed, velocity[1] / speed};
    const double half = 0.6 * radius;
    const std::array<Point, 3> needle = {
        Point{at.x - half * along.y, at.y + half * along.x},
        Point{at.x + half * along.y, at.y - half * along.x},
        Point{at.x + (radius + length) * along.x, at.y + (radius + length) * along.y}};
    canvas.fill_polygon(needle, color.with_alpha(120));
  }
  if (picture.shadows()) {
    for (const double spread : {0.35, 0.2, 0.05}) {
      canvas.fill_circle({at.x + 0.2 * radius, at.y - 0.3 * radius}, (1.0 + spread) * radius,
                         maze::kShadow.with_alpha(22));
    }
  }
  canvas.fill_circle(at, radius, maze::kWhite);
  canvas.fill_circle(at, radius - std::max(0.15 * radius, picture.pixels(1.0)), color);
  canvas.fill_circle({at.x - 0.28 * radius, at.y + 0.3 * radius}, 0.22 * radius,
                     maze::mix(color, maze::kWhite, 0.55));
}

}  // namespace

std::vector<Factor> point_maze_factors(const maze::MazeLayout& layout) {
  std::vector<Factor> factors = maze::maze_factors(layout, "ball", kBallColor);
  factors.push_back(Factor::number("ball_radius", "radius of the ball at the same mass [m]",
                                   kBallRadius, 0.05, 0.2, true));
  return factors;
}

MazeEnv::MazeEnv(std::shared_ptr<const PointMaze> maze, std::shared_ptr<const PointTask> task)
    : GoalEnv(std::shared_ptr<const maze::MazeLayout>(maze, &maze->layout),
              std::shared_ptr<const maze::GoalTask>(task, &task->goal), maze->model,
              task->goal_observation),
      maze_(std::move(maze)),
      task_(std::move(task)) {}

void MazeEnv::place_body() {
  if (maze_->convention == Convention::kD4rl) {
    place_d4rl();
  } else {
    place_robotics();
  }
}

maze::ModelChanges MazeEnv::changes() const {
  maze::ModelChanges changes = maze::model_changes(episode().factors());
  changes.ball_radius = episode().factors().number(kBallRadiusFactor);
  return changes;
}

// A free cell with noise on position and velocity; the goal is fixed if the task has one goal.
void MazeEnv::place_d4rl() {
  Rng& rng = episode().rng();
  const auto near_cell = [&](const std::vector<Position>& cells) {
    Position point = cells[static_cast<size_t>(rng.choice(static_cast<int64_t>(cells.size())))];
    for (double& x : point) x += rng.uniform(-kD4rlPositionNoise, kD4rlPositionNoise);
    return point;
  };
  const maze::MazeLayout& layout = maze_->layout;
  Position start = near_cell(layout.starts);
  const Position velocity = {kD4rlVelocityNoise * rng.standard_normal(),
                             kD4rlVelocityNoise * rng.standard_normal()};
  const Position goal = task_->goal.one_goal ? layout.goals.front() : near_cell(layout.starts);
  episode().set_goal(episode().chosen_goal().value_or(goal));
  start = episode().chosen_start().value_or(start);
  set_position(start);
  std::copy(velocity.begin(), velocity.end(), simulation().qvel().begin());
}

void MazeEnv::drive(ConstFieldView action) {
  const std::span<const float> force = action.as<float>();
  const std::span<double> qvel = simulation().qvel();
  const std::span<double> ctrl = simulation().ctrl();
  for (size_t i = 0; i < 2; ++i) {
    qvel[i] = std::clamp(qvel[i], -kMaxSpeed, kMaxSpeed);
    ctrl[i] = std::clamp(static_cast<double>(force[i]), -1.0, 1.0);
  }
  simulation().step();
}

// "optimum_bound" [steps]: the fewest in which a ball that no wall brakes covers the shortest path
// with full force along both axes, from the speed that it began with. Euler's method with implicit
// damping d [N s/m], as the engine integrates:
//
//   v <- (m min(v, 5) + dt F) / (m + dt d),   x <- x + dt v
//
// The path is measured in the maximum norm, since each axis has its own motor. A bounce off a
// corner, which can turn speed along one axis into speed along the other, is not considered.
std::pair<std::string, double> MazeEnv::yardstick(double shortest_path) const {
  if (std::isnan(shortest_path)) return {"optimum_bound", shortest_path};
  const mjModel& model = simulation().model();
  const double dt = model.opt.timestep;
  const double mass = model.body_mass[1];
  const double damping = model.dof_damping[0];
  const double force = model.actuator_gear[0];
  const Position& start = episode().start_velocity();
  double speed = std::max(std::abs(start[0]), std::abs(start[1]));
  double way = 0.0, steps = 0.0;
  do {
    speed = (mass * std::min(speed, kMaxSpeed) + dt * force) / (mass + dt * damping);
    way += dt * speed;
    ++steps;
  } while (way < shortest_path - 1e-9);
  return {"optimum_bound", steps};
}

void MazeEnv::observe_body(FieldView obs) const {
  const std::span<const double> qpos = simulation().qpos();
  const std::span<const double> qvel = simulation().qvel();
  const std::span<double> observation = obs.as<double>();
  observation[0] = qpos[0];
  observation[1] = qpos[1];
  observation[2] = qvel[0];
  observation[3] = qvel[1];
}

void MazeEnv::draw(Canvas& canvas, View view) const {
  const maze::MazeLook look = maze::look_of(episode().factors());
  maze::MazePicture picture(canvas, maze_->layout, look, view);
  picture.draw_room(episode().goal(), episode().at_goal());
  const std::span<const double> qpos = simulation().qpos();
  const std::span<const double> qvel = simulation().qvel();
  draw_ball(picture,
            {.at = {qpos[0], qpos[1]},
             .velocity = {qvel[0], qvel[1]},
             .radius = episode().factors().number(kBallRadiusFactor)},
            look.body);
}

}  // namespace reverie::maze2d
