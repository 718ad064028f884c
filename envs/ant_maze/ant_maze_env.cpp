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
    : world_(std::move(world)),
      task_(std::move(task)),
      episode_(std::shared_ptr<const maze::MazeLayout>(world_, &world_->layout),
               std::shared_ptr<const maze::GoalTask>(task_, &task_->goal)),
      simulation_(world_->model) {}

Position AntMazeEnv::position() const { return {simulation_.qpos()[0], simulation_.qpos()[1]}; }

void AntMazeEnv::reset(uint64_t seed, FieldViews obs) {
  episode_.begin(seed);
  change_model();
  simulation_.reset();
  contact_forces_.fill(0.0);
  if (is_d4rl()) {
    place_d4rl();
  } else {
    place_robotics();
  }
  observe(obs);
}

void AntMazeEnv::change_model() {
  if (!maze::changes_model(episode_.factors())) return;
  maze::ModelChanges changes = maze::model_changes(episode_.factors());
  changes.friction = episode_.factors().number(kFriction);
  maze::change_model(simulation_, changes);
}

void AntMazeEnv::place_robotics() {
  const Position start = episode_.place_robotics();
  std::copy(start.begin(), start.end(), simulation_.qpos().begin());
}

// The goal first, then noise on every position and velocity, the quaternion's among them.
void AntMazeEnv::place_d4rl() {
  Rng& rng = episode_.rng();
  const maze::MazeLayout& layout = world_->layout;
  const auto goals = static_cast<int64_t>(layout.goals.size());
  const Position goal =
      noisy_d4rl_goal(rng, layout.goals[static_cast<size_t>(rng.choice(goals))], layout.cell);
  episode_.set_goal(episode_.chosen_goal().value_or(goal));
  for (double& x : simulation_.qpos()) x += rng.uniform(-kD4rlNoise, kD4rlNoise);
  for (double& v : simulation_.qvel()) v = kD4rlNoise * rng.standard_normal();
  if (const std::optional<Position> start = episode_.chosen_start()) {
    std::copy(start->begin(), start->end(), simulation_.qpos().begin());
  }
}

StepResult AntMazeEnv::step(ConstFieldView action, FieldViews obs) {
  episode_.check_running();
  check_action(spec().id, spec().action, action);
  const std::span<const float> torque = action.as<float>();
  for (size_t i = 0; i < kMotors; ++i) {
    simulation_.ctrl()[i] = std::clamp(static_cast<double>(torque[i]), -1.0, 1.0);
  }
  try {
    mjData& data = simulation_.step(kFrameSkip);
    if (!is_d4rl()) read_contact_forces(data);
  } catch (const Error& error) {
    episode_.fail();
    throw Error(fmt::format("{}: {}", spec().id, error.what()), error.kind());
  }
  // quirk: a goal that is reached may move, but only after the observation was taken: the new one
  // is seen a step late.
  observe(obs);
  return episode_.advance(position());
}

// Right after the engine's step, while its contacts are there.
void AntMazeEnv::read_contact_forces(mjData& data) {
  mj_rnePostConstraint(&simulation_.model(), &data);
  for (size_t i = 0; i < contact_forces_.size(); ++i) {
    contact_forces_[i] = std::clamp(data.cfrc_ext[6 + i], -kMaxContactForce, kMaxContactForce);
  }
}

void AntMazeEnv::observe(FieldViews obs) const {
  const std::span<const double> qpos = simulation_.qpos();
  const std::span<const double> qvel = simulation_.qvel();
  auto out = obs[0].as<double>().begin();
  out = std::copy(qpos.begin() + (is_d4rl() ? 0 : 2), qpos.end(), out);
  out = std::copy(qvel.begin(), qvel.end(), out);
  if (!is_d4rl()) std::copy(contact_forces_.begin(), contact_forces_.end(), out);
  if (!task_->goal_observation) return;
  const Position here = position();
  std::copy(here.begin(), here.end(), obs[1].as<double>().begin());
  std::copy(episode_.goal().begin(), episode_.goal().end(), obs[2].as<double>().begin());
}

std::vector<double> AntMazeEnv::state() const {
  std::vector<double> state(simulation_.state_size());
  simulation_.get_state(state);
  state.insert(state.end(), contact_forces_.begin(), contact_forces_.end());
  episode_.append_state(state);
  return state;
}

void AntMazeEnv::set_state(std::span<const double> state) {
  const size_t engine = simulation_.state_size();
  const size_t forces = contact_forces_.size();
  check_finite_values(fmt::format("{}: state", spec().id), state,
                      engine + forces + episode_.state_size());
  episode_.set_state(state.subspan(engine + forces));
  change_model();
  std::copy_n(state.begin() + static_cast<std::ptrdiff_t>(engine), forces, contact_forces_.begin());
  simulation_.set_state(state.first(engine));
}

void AntMazeEnv::draw(Canvas& canvas, View view) const {
  const maze::MazeLook look = maze::look_of(episode_.factors());
  maze::MazePicture picture(canvas, world_->layout, look, view);
  picture.draw_room(episode_.goal(), episode_.at_goal());
  draw_ant(picture, ant_pose(simulation_.qpos()), look.body);
}

}  // namespace reverie::ant_maze
