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
constexpr double kVelocityScale = 0.15;     // [s] length of the velocity's needle per m/s

struct Ball {
  Point at;
  Position velocity;  // [m/s]
  double radius;      // [m]
};

void draw_ball(const maze::MazePicture& picture, const Ball& ball, Color color) {
  Canvas& canvas = picture.canvas();
  const auto [at, velocity, radius] = ball;
  if (!picture.detailed()) {
    // Its true size would be less than two pixels.
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
  factors.push_back(Factor::number("ball_radius", "of the ball, its mass kept [m]", kBallRadius,
                                   0.05, 0.2, true));
  return factors;
}

MazeEnv::MazeEnv(std::shared_ptr<const PointMaze> maze, std::shared_ptr<const PointTask> task)
    : maze_(std::move(maze)),
      task_(std::move(task)),
      episode_(std::shared_ptr<const maze::MazeLayout>(maze_, &maze_->layout),
               std::shared_ptr<const maze::GoalTask>(task_, &task_->goal)),
      simulation_(maze_->model) {}

Position MazeEnv::position() const { return {simulation_.qpos()[0], simulation_.qpos()[1]}; }

void MazeEnv::reset(uint64_t seed, FieldViews obs) {
  episode_.begin(seed);
  change_model();
  simulation_.reset();
  if (maze_->convention == Convention::kD4rl) {
    place_d4rl();
  } else {
    place_robotics();
  }
  observe(obs);
}

void MazeEnv::change_model() {
  if (!maze::changes_model(episode_.factors())) return;
  maze::ModelChanges changes = maze::model_changes(episode_.factors());
  changes.ball_radius = episode_.factors().number(kBallRadiusFactor);
  maze::change_model(simulation_, changes);
}

// A free cell with noise on position and velocity; the goal is fixed unless goal_each_episode.
void MazeEnv::place_d4rl() {
  Rng& rng = episode_.rng();
  const auto near_cell = [&](const std::vector<Position>& cells) {
    Position point = cells[static_cast<size_t>(rng.choice(static_cast<int64_t>(cells.size())))];
    for (double& x : point) x += rng.uniform(-kD4rlPositionNoise, kD4rlPositionNoise);
    return point;
  };
  const maze::MazeLayout& layout = maze_->layout;
  Position start = near_cell(layout.starts);
  const Position velocity = {kD4rlVelocityNoise * rng.standard_normal(),
                             kD4rlVelocityNoise * rng.standard_normal()};
  const Position goal = task_->goal_each_episode ? near_cell(layout.starts) : layout.goals.front();
  episode_.set_goal(episode_.chosen_goal().value_or(goal));
  start = episode_.chosen_start().value_or(start);
  std::copy(start.begin(), start.end(), simulation_.qpos().begin());
  std::copy(velocity.begin(), velocity.end(), simulation_.qvel().begin());
}

void MazeEnv::place_robotics() {
  const Position start = episode_.place_robotics();
  std::copy(start.begin(), start.end(), simulation_.qpos().begin());
}

StepResult MazeEnv::step(ConstFieldView action, FieldViews obs) {
  episode_.check_running();
  check_action(spec().id, spec().action, action);
  const std::span<const float> force = action.as<float>();
  const std::span<double> qvel = simulation_.qvel();
  const std::span<double> ctrl = simulation_.ctrl();
  for (size_t i = 0; i < 2; ++i) {
    qvel[i] = std::clamp(qvel[i], -kMaxSpeed, kMaxSpeed);
    ctrl[i] = std::clamp(static_cast<double>(force[i]), -1.0, 1.0);
  }
  try {
    simulation_.step();
  } catch (const Error& error) {
    episode_.fail();
    throw Error(fmt::format("{}: {}", spec().id, error.what()), error.kind());
  }
  // quirk: a goal that is reached may move, but only after the observation was taken: the new one
  // is seen a step late.
  observe(obs);
  return episode_.advance(position());
}

void MazeEnv::observe(FieldViews obs) const {
  const std::span<const double> qpos = simulation_.qpos();
  const std::span<const double> qvel = simulation_.qvel();
  const std::span<double> observation = obs[0].as<double>();
  observation[0] = qpos[0];
  observation[1] = qpos[1];
  observation[2] = qvel[0];
  observation[3] = qvel[1];
  if (!task_->goal_observation) return;
  const Position here = position();
  std::copy(here.begin(), here.end(), obs[1].as<double>().begin());
  std::copy(episode_.goal().begin(), episode_.goal().end(), obs[2].as<double>().begin());
}

std::vector<double> MazeEnv::state() const {
  std::vector<double> state(simulation_.state_size());
  simulation_.get_state(state);
  episode_.append_state(state);
  return state;
}

void MazeEnv::set_state(std::span<const double> state) {
  const size_t engine = simulation_.state_size();
  check_finite_values(fmt::format("{}: state", spec().id), state, engine + episode_.state_size());
  episode_.set_state(state.subspan(engine));
  change_model();
  simulation_.set_state(state.first(engine));
}

void MazeEnv::draw(Canvas& canvas, View view) const {
  const maze::MazeLook look = maze::look_of(episode_.factors());
  maze::MazePicture picture(canvas, maze_->layout, look, view);
  picture.draw_room(episode_.goal(), episode_.at_goal());
  const std::span<const double> qpos = simulation_.qpos();
  const std::span<const double> qvel = simulation_.qvel();
  draw_ball(picture,
            {.at = {qpos[0], qpos[1]},
             .velocity = {qvel[0], qvel[1]},
             .radius = episode_.factors().number(kBallRadiusFactor)},
            look.body);
}

}  // namespace reverie::maze2d
