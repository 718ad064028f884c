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
      model_(world_->model, maze::changes_model(episode_.factors())),
      simulation_(model_.model()) {}

Position AntMazeEnv::position() const {
  const mjData& data = simulation_.data();
  return {data.qpos[0], data.qpos[1]};
}

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
  if (!model_.changes()) return;
  maze::ModelChanges changes = maze::model_changes(episode_.factors());
  changes.friction = episode_.factors().number(kFriction);
  model_.change(changes);
}

void AntMazeEnv::place_robotics() {
  const Position start = episode_.place_robotics();
  std::copy(start.begin(), start.end(), simulation_.data().qpos);
}

// The goal first, then noise on every position and velocity, the quaternion's among them.
void AntMazeEnv::place_d4rl() {
  Rng& rng = episode_.rng();
  const maze::MazeLayout& layout = world_->layout;
  const auto goals = static_cast<int64_t>(layout.goals.size());
  const Position goal =
      noisy_d4rl_goal(rng, layout.goals[static_cast<size_t>(rng.choice(goals))], layout.cell);
  episode_.set_goal(episode_.chosen_goal().value_or(goal));
  mjData& data = simulation_.data();
  for (int i = 0; i < kPositions; ++i) data.qpos[i] += rng.uniform(-kD4rlNoise, kD4rlNoise);
  for (int i = 0; i < kVelocities; ++i) data.qvel[i] = kD4rlNoise * rng.standard_normal();
  if (const std::optional<Position> start = episode_.chosen_start()) {
    std::copy(start->begin(), start->end(), data.qpos);
  }
}

StepResult AntMazeEnv::step(ConstFieldView action, FieldViews obs) {
  episode_.check_running();
  check_action(spec().id, spec().action, action);
  const std::span<const float> torque = action.as<float>();
  mjData& data = simulation_.data();
  for (size_t i = 0; i < kMotors; ++i) {
    data.ctrl[i] = std::clamp(static_cast<double>(torque[i]), -1.0, 1.0);
  }
  try {
    simulation_.step(kFrameSkip);
  } catch (const Error& error) {
    episode_.fail();
    throw Error(fmt::format("{}: {}", spec().id, error.what()), error.kind());
  }
  if (!is_d4rl()) read_contact_forces();
  // quirk: a goal that is reached may move, but only after the observation was taken: the new one
  // is seen a step late.
  observe(obs);
  return episode_.advance(position());
}

// Right after the engine's step, while its contacts are there.
void AntMazeEnv::read_contact_forces() {
  mjData& data = simulation_.data();
  mj_rnePostConstraint(&simulation_.model(), &data);
  for (size_t i = 0; i < contact_forces_.size(); ++i) {
    contact_forces_[i] = std::clamp(data.cfrc_ext[6 + i], -kMaxContactForce, kMaxContactForce);
  }
}

void AntMazeEnv::observe(FieldViews obs) const {
  const mjData& data = simulation_.data();
  auto out = obs[0].as<double>().begin();
  out = std::copy(data.qpos + (is_d4rl() ? 0 : 2), data.qpos + kPositions, out);
  out = std::copy(data.qvel, data.qvel + kVelocities, out);
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
  draw_ant(picture, ant_pose({simulation_.data().qpos, kPositions}), look.body);
}

}  // namespace reverie::ant_maze
