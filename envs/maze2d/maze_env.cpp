#include "envs/maze2d/maze_env.h"

#include <algorithm>
#include <cmath>

#include "envs/maze2d/maze_drawing.h"

namespace reverie::maze2d {
namespace {

constexpr double kMaxSpeed = 5.0;             // [m/s] per axis, clipped before the engine's step
constexpr double kD4rlPositionNoise = 0.1;    // [m] half width of a uniform distribution
constexpr double kD4rlVelocityNoise = 0.1;    // [m/s] standard deviation
constexpr double kRoboticsNoise = 0.25;       // [m] half width, of goals and starts
constexpr double kRoboticsMinDistance = 0.5;  // [m] nearer cells are no start

double distance(Position a, Position b) {
  const double x = a[0] - b[0];
  const double y = a[1] - b[1];
  return std::sqrt(x * x + y * y);
}

// Numbers of state() behind the engine's: goal, counters, flags, generator in 32-bit halves.
constexpr size_t kRngWords = std::tuple_size_v<Rng::State>;
constexpr size_t kTaskState = 2 + 4 + 2 * kRngWords;

}  // namespace

MazeEnv::MazeEnv(std::shared_ptr<const Maze> maze, std::shared_ptr<const Task> task)
    : maze_(std::move(maze)), task_(std::move(task)), simulation_(maze_->model) {}

double MazeEnv::distance_to_goal() const { return distance(position(), goal_); }

void MazeEnv::reset(uint64_t seed, FieldViews obs) {
  rng_ = Rng(seed);
  simulation_.reset();
  if (maze_->convention == Convention::kD4rl) {
    place_d4rl();
  } else {
    place_robotics();
  }
  steps_ = 0;
  reached_at_ = 0;
  at_goal_ = false;
  ended_ = false;
  observe(obs);
}

// D4RL: a free cell with noise on position and velocity; the goal is fixed unless reset_target.
void MazeEnv::place_d4rl() {
  const auto near_cell = [&](const std::vector<Position>& cells) {
    Position point = cells[static_cast<size_t>(rng_.choice(static_cast<int64_t>(cells.size())))];
    for (double& x : point) x += rng_.uniform(-kD4rlPositionNoise, kD4rlPositionNoise);
    return point;
  };
  const Position start = near_cell(maze_->starts);
  std::copy(start.begin(), start.end(), simulation_.qpos().begin());
  for (double& v : simulation_.qvel()) v = kD4rlVelocityNoise * rng_.standard_normal();
  goal_ = task_->reset_target ? near_cell(maze_->starts) : maze_->goals.front();
}

// Robotics: first the goal, then starts until one is far enough from it, in the reference's order
// of draws, so that a seed gives the reference's episode.
void MazeEnv::place_robotics() {
  goal_ = draw_goal();
  Position start{};
  do {
    start = maze_->starts[static_cast<size_t>(
        rng_.integers(0, static_cast<int64_t>(maze_->starts.size())))];
  } while (distance(start, goal_) <= kRoboticsMinDistance);
  start = noisy(start);
  std::copy(start.begin(), start.end(), simulation_.qpos().begin());
}

Position MazeEnv::noisy(Position centre) {
  for (double& x : centre) x += rng_.uniform(-kRoboticsNoise, kRoboticsNoise);
  return centre;
}

Position MazeEnv::draw_goal() {
  return noisy(maze_->goals[static_cast<size_t>(
      rng_.integers(0, static_cast<int64_t>(maze_->goals.size())))]);
}

StepResult MazeEnv::step(ConstFieldView action, FieldViews obs) {
  REVERIE_CHECK(!ended_, "{}: step() after the end of the episode; call reset() first", spec().id);
  check_action(spec().id, spec().action, action);
  const std::span<const float> force = action.as<float>();
  for (size_t i = 0; i < 2; ++i) {
    simulation_.qvel()[i] = std::clamp(simulation_.qvel()[i], -kMaxSpeed, kMaxSpeed);
    simulation_.ctrl()[i] = std::clamp(static_cast<double>(force[i]), -1.0, 1.0);
  }
  try {
    simulation_.step();
  } catch (const Error& error) {
    ended_ = true;
    throw Error(fmt::format("{}: {}", spec().id, error.what()), error.kind());
  }
  ++steps_;
  observe(obs);

  const double to_goal = distance_to_goal();
  at_goal_ = to_goal <= maze_->goal_radius;
  if (at_goal_ && reached_at_ == 0) reached_at_ = steps_;
  StepResult result;
  result.reward = task_->dense ? std::exp(-to_goal) : (at_goal_ ? 1.0 : 0.0);
  result.terminated = at_goal_ && !task_->continuing_task;
  result.truncated = spec().max_steps > 0 && steps_ >= spec().max_steps && !result.terminated;
  ended_ = result.terminated || result.truncated;

  // quirk: Robotics moves a reached goal after the observation was taken, so the new one is seen a
  // step late.
  if (maze_->convention == Convention::kRobotics && task_->reset_target && task_->continuing_task &&
      at_goal_ && maze_->goals.size() > 1) {
    do {
      goal_ = draw_goal();
    } while (distance_to_goal() <= maze_->goal_radius);
  }
  return result;
}

void MazeEnv::observe(FieldViews obs) const {
  const std::span<double> observation = obs[0].as<double>();
  const std::span<const double> qvel = simulation_.qvel();
  observation[0] = simulation_.qpos()[0];
  observation[1] = simulation_.qpos()[1];
  observation[2] = qvel[0];
  observation[3] = qvel[1];
  if (!task_->goal_observation) return;
  const Position here = position();
  std::copy(here.begin(), here.end(), obs[1].as<double>().begin());
  std::copy(goal_.begin(), goal_.end(), obs[2].as<double>().begin());
}

Metrics MazeEnv::metrics() const {
  return {{"success", reached_at_ > 0 ? 1.0 : 0.0},
          {"success_at_end", at_goal_ ? 1.0 : 0.0},
          {"time_to_goal", reached_at_ > 0 ? static_cast<double>(reached_at_) : std::nan("")},
          {"distance_to_goal", distance_to_goal()}};
}

std::vector<double> MazeEnv::state() const {
  std::vector<double> state(simulation_.state_size());
  simulation_.get_state(state);
  state.insert(state.end(),
               {goal_[0], goal_[1], static_cast<double>(steps_), static_cast<double>(reached_at_),
                at_goal_ ? 1.0 : 0.0, ended_ ? 1.0 : 0.0});
  for (const uint64_t word : rng_.state()) {
    state.push_back(static_cast<double>(word >> 32));
    state.push_back(static_cast<double>(word & 0xffffffffU));
  }
  return state;
}

void MazeEnv::set_state(std::span<const double> state) {
  const size_t engine = simulation_.state_size();
  check_finite_values(fmt::format("{}: state", spec().id), state, engine + kTaskState);
  const double* task = state.data() + engine;
  const auto whole = [&](size_t i, double limit) {
    REVERIE_CHECK(task[i] >= 0.0 && task[i] <= limit && task[i] == std::floor(task[i]),
                  "{}: state[{}] is {}, expected a whole number in [0, {}]", spec().id, engine + i,
                  task[i], limit);
    return static_cast<uint64_t>(task[i]);
  };
  Rng::State words;
  for (size_t i = 0; i < kRngWords; ++i) {
    const uint64_t high = whole(6 + 2 * i, 4294967295.0);
    words[i] = high << 32 | whole(7 + 2 * i, 4294967295.0);
  }
  const auto steps = static_cast<int64_t>(whole(2, 0x1p53));
  const auto reached_at = static_cast<int64_t>(whole(3, 0x1p53));
  const bool at_goal = whole(4, 1.0) != 0;
  const bool ended = whole(5, 1.0) != 0;
  rng_.set_state(words);
  simulation_.set_state(state.first(engine));
  goal_ = {task[0], task[1]};
  steps_ = steps;
  reached_at_ = reached_at;
  at_goal_ = at_goal;
  ended_ = ended;
}

void MazeEnv::draw(Canvas& canvas, View /*view*/) const {
  draw_maze(canvas, *maze_,
            {.position = position(),
             .velocity = {simulation_.qvel()[0], simulation_.qvel()[1]},
             .goal = goal_,
             .at_goal = at_goal_});
}

std::vector<std::pair<std::string, size_t>> MazeEnv::Physics::parts() const {
  auto parts = MujocoPhysicsState::parts();
  parts.emplace_back("desired_goal", 2);
  return parts;
}

void MazeEnv::Physics::get(std::string_view part, std::span<double> out) const {
  if (part != "desired_goal") return MujocoPhysicsState::get(part, out);
  REVERIE_CHECK(out.size() == 2, "desired_goal: {} numbers asked for, it has 2", out.size());
  std::copy(env_.goal_.begin(), env_.goal_.end(), out.begin());
}

void MazeEnv::Physics::set(std::string_view part, std::span<const double> values) {
  if (part != "desired_goal") return MujocoPhysicsState::set(part, values);
  check_finite_values(part, values, 2);
  std::copy(values.begin(), values.end(), env_.goal_.begin());
}

}  // namespace reverie::maze2d
