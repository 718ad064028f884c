#include "recordings/state_replay.h"

#include <algorithm>

#include "core/error.h"
#include "core/field_numbers.h"
#include "envs/maze/goal_episode.h"

namespace reverie {
namespace {

constexpr const char* kGoalInfo = "goal";     // D4RL's name
constexpr const char* kAllParts = "physics";  // ExoRL's: all parts concatenated

}  // namespace

StateReplay::StateReplay(const Dataset& dataset, Env& env)
    : dataset_(dataset), env_(env), player_(env) {
  const Field& recorded = dataset.schema().action;
  const Field& taken = player_.action();
  REVERIE_CHECK(taken.shape == recorded.shape &&
                    (taken.dtype == DType::kInt64) == (recorded.dtype == DType::kInt64),
                "{}: its actions are not those of {}; see `reverie dataset info`", dataset.path(),
                env.spec().id);
  find_parts();
}

// In maze2d-* infos/goal is the target of D4RL's controller, while rewards refer to the
// environment's goal, which a reset determines: always the same, or by its seed.
bool StateReplay::keeps_own_goal() const { return env_.spec().id.starts_with("maze2d-"); }

// All parts except the goal must have been recorded; a subset does not determine the state.
void StateReplay::find_parts() {
  PhysicsState* physics = env_.physics();
  if (physics == nullptr || !physics->settable()) return;
  const std::vector<Field>& info = dataset_.schema().info;
  const auto find = [&](const std::string& name) {
    return std::find_if(info.begin(), info.end(),
                        [&](const Field& field) { return field.name == name; });
  };
  const auto all = find(kAllParts);
  size_t offset = 0;  // in the column of all parts
  for (const auto& [name, size, is_scalar] : physics->parts()) {
    if (name == kGoalPart && keeps_own_goal()) continue;
    auto column = find(name);
    if (name == kGoalPart && column == info.end()) column = find(kGoalInfo);
    if (column != info.end() && column->numel() == static_cast<int64_t>(size)) {
      parts_.push_back({name, static_cast<size_t>(column - info.begin()), 0, size});
    } else if (name == kGoalPart) {
      continue;
    } else if (all != info.end() && offset + size <= static_cast<size_t>(all->numel())) {
      parts_.push_back({name, static_cast<size_t>(all - info.begin()), offset, size});
      offset += size;
    } else {
      parts_.clear();
      return;
    }
  }
}

bool StateReplay::has_part(const std::string& name) const {
  const PhysicsState* physics = env_.physics();
  if (physics == nullptr) return false;
  const auto parts = physics->parts();
  return std::any_of(parts.begin(), parts.end(),
                     [&](const PhysicsState::Part& part) { return part.name == name; });
}

void StateReplay::begin(const EpisodeData& episode) {
  REVERIE_CHECK(!parts_.empty() || episode.seed,
                "{}: holds neither the states of {} (infos/qpos, infos/qvel) nor the seeds of its "
                "resets; expected one of them",
                dataset_.path(), env_.spec().id);
  REVERIE_CHECK(!keeps_own_goal() || episode.seed || has_fixed_goal(),
                "{}: goals of {} vary and follow from the seeds of its resets, which were not "
                "recorded; expected an environment with a fixed goal",
                dataset_.path(), env_.spec().id);
  episode_ = &episode;
  goal_.reset();
  row_ = 0;
  reset();
}

bool StateReplay::has_fixed_goal() const {
  const maze::MazePhysics* maze = maze::find_maze(env_);
  return maze != nullptr && maze->has_fixed_goal();
}

int64_t StateReplay::length() const {
  REVERIE_CHECK(episode_ != nullptr, "{}: no episode was begun", dataset_.path());
  return episode_->length();
}

void StateReplay::check_row(int64_t row, int64_t last) const {
  REVERIE_CHECK(row >= 0 && row <= last, "{}: row {} of an episode of {} steps, expected 0 to {}",
                dataset_.path(), row, length(), last);
}

void StateReplay::reset() { player_.reset(static_cast<uint64_t>(episode_->seed.value_or(0))); }

void StateReplay::set_goal(std::span<const double> goal) {
  REVERIE_CHECK(has_part(kGoalPart), "{}: has no goal that could be changed", env_.spec().id);
  goal_.emplace(goal.begin(), goal.end());
}

void StateReplay::set_parts(int64_t row) {
  // The environment's clock may be at its limit, because it counts the steps taken here.
  if (player_.ended()) reset();
  for (const RecordedPart& part : parts_) set_part(part, row);
}

// A reached goal may be replaced in the same step, and the next row holds the new one; the step was
// taken towards the old one.
void StateReplay::set_goal_of(int64_t row) {
  if (goal_) return;
  for (const RecordedPart& part : parts_) {
    if (part.name == kGoalPart) set_part(part, row);
  }
}

void StateReplay::set_part(const RecordedPart& part, int64_t row) {
  const std::vector<double> values =
      row_numbers(dataset_.schema().info[part.info], episode_->info[part.info], row);
  env_.physics()->set(part.name, std::span(values).subspan(part.offset, part.size));
}

StepResult StateReplay::take_step(int64_t t) {
  check_row(t, length() - 1);
  return player_.step(row_numbers(dataset_.schema().action, episode_->action, t));
}

void StateReplay::go_to(int64_t row) {
  check_row(row, length());
  const int64_t recorded = length() - (episode_->has_final_info ? 0 : 1);
  if (parts_.empty()) {
    REVERIE_CHECK(row >= row_, "replay of actions: row {} after row {}", row, row_);
    for (; row_ < row; ++row_) take_step(row_);
  } else {
    set_parts(std::min(row, recorded));
    if (row > recorded) take_step(recorded);
  }
  if (goal_) env_.physics()->set(kGoalPart, *goal_);
}

double StateReplay::reward(int64_t t) {
  check_row(t, length() - 1);
  PhysicsState* physics = env_.physics();
  if (sets_states() && physics->reward()) {
    go_to(t + 1);
    set_goal_of(t);
    return *physics->reward();
  }
  go_to(t);
  ++row_;
  return take_step(t).reward;
}

std::vector<double> StateReplay::part(const std::string& name) const {
  PhysicsState* physics = env_.physics();
  for (const PhysicsState::Part& part :
       physics == nullptr ? std::vector<PhysicsState::Part>() : physics->parts()) {
    if (part.name != name) continue;
    std::vector<double> values(part.size);
    physics->get(name, values);
    return values;
  }
  fail_input("{}: has no '{}' in its physics", env_.spec().id, name);
}

}  // namespace reverie
