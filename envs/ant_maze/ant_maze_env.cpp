#include "envs/ant_maze/ant_maze_env.h"

#include <algorithm>
#include <cmath>

#include "envs/ant_maze/ant_drawing.h"

namespace reverie::ant_maze {
namespace {

using maze::Position;

constexpr double kMaxContactForce = 1.0;  // contact forces are clipped to it in the observation

// D4RL adds two uniform draws to the goal's cell along each axis, both from zero upwards. (It also
// cuts coordinates below the start's, which none of its maps has.)
Position noisy_d4rl_goal(Rng& rng, Position goal, double cell) {
  for (double& x : goal) x += rng.uniform(0.0, 0.25 * cell);
  for (double& x : goal) x += rng.uniform(0.0, 0.5) * 0.25 * cell;
  return goal;
}

}  // namespace

std::vector<Factor> ant_maze_factors(const maze::MazeLayout& layout) {
  std::vector<Factor> factors = maze::maze_factors(layout, "ant", kAntColor);
  factors.push_back(
      Factor::number("friction", "sliding friction of ant, floor and walls", 1.0, 0.2, 2.0, true));
  return factors;
}

AntMazeEnv::AntMazeEnv(std::shared_ptr<const AntWorld> world, std::shared_ptr<const AntTask> task)
    : GoalEnv(std::shared_ptr<const maze::MazeLayout>(world, &world->layout),
              std::shared_ptr<const maze::GoalTask>(task, &task->goal), world->model,
              task->goal_observation),
      world_(std::move(world)) {}

void AntMazeEnv::set_memory(std::span<const double> numbers) {
  std::copy(numbers.begin(), numbers.end(), contact_forces_.begin());
}

void AntMazeEnv::place_body() {
  contact_forces_.fill(0.0);
  if (is_d4rl()) {
    place_d4rl();
  } else {
    place_robotics();
  }
}

maze::ModelChanges AntMazeEnv::changes() const {
  maze::ModelChanges changes = maze::model_changes(episode().factors());
  changes.friction = episode().factors().number(kFriction);
  return changes;
}

// The goal comes first, then noise on every position and velocity, including the quaternion's.
void AntMazeEnv::place_d4rl() {
  Rng& rng = episode().rng();
  const maze::MazeLayout& layout = world_->layout;
  const auto goals = static_cast<int64_t>(layout.goals.size());
  const Position goal =
      noisy_d4rl_goal(rng, layout.goals[static_cast<size_t>(rng.choice(goals))], layout.cell);
  episode().set_goal(episode().chosen_goal().value_or(goal));
  for (double& x : simulation().qpos()) x += rng.uniform(-kD4rlNoise, kD4rlNoise);
  for (double& v : simulation().qvel()) v = kD4rlNoise * rng.standard_normal();
  if (const std::optional<Position> start = episode().chosen_start()) set_position(*start);
}

void AntMazeEnv::drive(ConstFieldView action) {
  const std::span<const float> torque = action.as<float>();
  for (size_t i = 0; i < kMotors; ++i) {
    simulation().ctrl()[i] = std::clamp(static_cast<double>(torque[i]), -1.0, 1.0);
  }
  mjData& data = simulation().step(kFrameSkip);
  if (!is_d4rl()) read_contact_forces(data);
}

// Read right after the engine's step, while its contacts are valid.
void AntMazeEnv::read_contact_forces(mjData& data) {
  mj_rnePostConstraint(&simulation().model(), &data);
  for (size_t i = 0; i < contact_forces_.size(); ++i) {
    contact_forces_[i] = std::clamp(data.cfrc_ext[6 + i], -kMaxContactForce, kMaxContactForce);
  }
}

void AntMazeEnv::observe_body(FieldView obs) const {
  const std::span<const double> qpos = simulation().qpos();
  const std::span<const double> qvel = simulation().qvel();
  auto out = obs.as<double>().begin();
  out = std::copy(qpos.begin() + (is_d4rl() ? 0 : 2), qpos.end(), out);
  out = std::copy(qvel.begin(), qvel.end(), out);
  if (!is_d4rl()) std::copy(contact_forces_.begin(), contact_forces_.end(), out);
}

void AntMazeEnv::draw(Canvas& canvas, View view) const {
  const maze::MazeLook look = maze::look_of(episode().factors());
  maze::MazePicture picture(canvas, world_->layout, look, view);
  picture.draw_room(episode().goal(), episode().at_goal());
  draw_ant(picture, ant_pose(simulation().qpos()), look.body);
}

}  // namespace reverie::ant_maze
