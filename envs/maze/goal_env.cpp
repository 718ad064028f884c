#include "envs/maze/goal_env.h"

#include <algorithm>

namespace reverie::maze {

GoalEnv::GoalEnv(std::shared_ptr<const MazeLayout> layout, std::shared_ptr<const GoalTask> task,
                 SharedModel model, bool goal_observation)
    : goal_observation_(goal_observation),
      episode_(std::move(layout), std::move(task)),
      simulation_(std::move(model)) {}

void GoalEnv::reset(uint64_t seed, FieldViews obs) {
  episode_.begin(seed);
  change_model();
  simulation_.reset();
  place_body();
  observe(obs);
}

void GoalEnv::change_model() {
  if (changes_model(episode_.factors())) maze::change_model(simulation_, changes());
}

void GoalEnv::place_robotics() { set_position(episode_.place_robotics()); }

void GoalEnv::set_position(const Position& position) {
  std::copy(position.begin(), position.end(), simulation_.qpos().begin());
}

StepResult GoalEnv::step(ConstFieldView action, FieldViews obs) {
  episode_.check_running();
  check_action(spec().id, spec().action, action);
  const std::span<const double> qvel = simulation_.qvel();
  episode_.note_start(position(), {qvel[0], qvel[1]});
  try {
    drive(action);
  } catch (const Error& error) {
    episode_.fail();
    throw Error(fmt::format("{}: {}", spec().id, error.what()), error.kind());
  }
  // quirk: a reached goal may move, but only after the observation was taken, so the new goal is
  // seen one step late.
  observe(obs);
  return episode_.advance(position());
}

void GoalEnv::observe(FieldViews obs) const {
  observe_body(obs[0]);
  if (!goal_observation_) return;
  const Position here = position();
  std::copy(here.begin(), here.end(), obs[1].as<double>().begin());
  std::copy(episode_.goal().begin(), episode_.goal().end(), obs[2].as<double>().begin());
}

Metrics GoalEnv::metrics() const {
  Metrics metrics = episode_.metrics(position());
  metrics.push_back(yardstick(episode_.shortest_path()));
  return metrics;
}

std::vector<double> GoalEnv::state() const {
  std::vector<double> state(simulation_.state_size());
  simulation_.get_state(state);
  const std::span<const double> own = memory();
  state.insert(state.end(), own.begin(), own.end());
  episode_.append_state(state);
  return state;
}

void GoalEnv::set_state(std::span<const double> state) {
  const size_t engine = simulation_.state_size();
  const size_t own = memory().size();
  check_finite_values(fmt::format("{}: state", spec().id), state,
                      engine + own + episode_.state_size());
  episode_.set_state(state.subspan(engine + own));
  change_model();
  set_memory(state.subspan(engine, own));
  simulation_.set_state(state.first(engine));
}

}  // namespace reverie::maze
