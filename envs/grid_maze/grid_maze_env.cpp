#include "envs/grid_maze/grid_maze_env.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/random.h"
#include "envs/maze/maze_drawing.h"

namespace reverie::grid_maze {
namespace {

constexpr double kBodyRadius = 0.24;  // [m] in pictures

// -1 for the first of `count` cells between the outer walls, 1 for the last.
double scaled(int64_t index, int64_t count) {
  const auto inner = static_cast<double>(count - 3);
  return inner > 0.0 ? 2.0 * static_cast<double>(index - 1) / inner - 1.0 : 0.0;
}

}  // namespace

void GridMazeEnv::reset(uint64_t seed, FieldViews obs) {
  Rng rng(seed);
  const std::vector<int64_t>& starts = world().starts();
  start_ = starts[static_cast<size_t>(rng.choice(static_cast<int64_t>(starts.size())))];
  state_ = start_;
  steps_ = 0;
  ended_ = false;
  observe(obs);
}

StepResult GridMazeEnv::step(ConstFieldView action, FieldViews obs) {
  REVERIE_CHECK(!ended_, "{}: step() after the end of the episode; call reset() first", spec().id);
  check_action(spec().id, spec().action, action);
  state_ = world().next(state_, action.as<int64_t>()[0]);
  ++steps_;
  observe(obs);
  StepResult result{.reward = -1.0, .terminated = at_goal()};
  result.truncated = !result.terminated && steps_ >= spec().max_steps;
  ended_ = result.terminated || result.truncated;
  return result;
}

void GridMazeEnv::observe(FieldViews obs) const {
  const maze::MazeMap& map = world().layout().map;
  const auto [row, column] = world().cell(state_);
  obs[0].as<int64_t>()[0] = state_;
  obs[1].as<double>()[0] = scaled(column, map.columns());
  obs[1].as<double>()[1] = scaled(row, map.rows());
}

std::vector<double> GridMazeEnv::state() const {
  return {static_cast<double>(state_), static_cast<double>(start_), static_cast<double>(steps_),
          ended_ ? 1.0 : 0.0};
}

void GridMazeEnv::set_state(std::span<const double> state) {
  REVERIE_CHECK(state.size() == 4, "{}: a state of {} numbers, expected 4", spec().id,
                state.size());
  const auto last = static_cast<double>(world().states() - 1);
  const std::array<double, 4> most = {last, last, static_cast<double>(spec().max_steps), 1.0};
  for (size_t i = 0; i < most.size(); ++i) {
    REVERIE_CHECK(state[i] >= 0.0 && state[i] <= most[i] && state[i] == std::floor(state[i]),
                  "{}: state[{}] is {}, expected a whole number in [0, {}]", spec().id, i, state[i],
                  most[i]);
  }
  state_ = static_cast<int64_t>(state[0]);
  start_ = static_cast<int64_t>(state[1]);
  steps_ = static_cast<int64_t>(state[2]);
  ended_ = state[3] != 0.0;
}

Metrics GridMazeEnv::metrics() const {
  constexpr double kNever = std::numeric_limits<double>::quiet_NaN();
  return {{"success", at_goal() ? 1.0 : 0.0},
          {"time_to_goal", at_goal() ? static_cast<double>(steps_) : kNever},
          {"optimum", static_cast<double>(world().moves_to_goal(start_))}};
}

void GridMazeEnv::draw(Canvas& canvas, View view) const {
  const maze::MazeLayout& layout = world().layout();
  maze::MazePicture picture(canvas, layout, task_->look, view);
  picture.draw_room(layout.goals.front(), at_goal());
  const maze::Position at = layout.place(world().cell(state_));
  canvas.fill_circle({at[0], at[1]}, std::max(kBodyRadius, picture.pixels(1.7)), task_->look.body);
}

}  // namespace reverie::grid_maze
