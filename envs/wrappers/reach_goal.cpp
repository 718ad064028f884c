#include "envs/wrappers/reach_goal.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include <fmt/ranges.h>

#include "envs/wrappers/state_numbers.h"

namespace reverie {
namespace {

std::vector<std::string> names_of(const ReachGoalTask::State& state) {
  std::vector<std::string> names;
  for (const auto& [name, values] : state) names.push_back(name);
  return names;
}

// The environment's parts, where they can be set.
PhysicsState& settable_parts(const std::string& id, PhysicsState* physics) {
  REVERIE_CHECK(physics != nullptr && physics->settable(),
                "{}: a start and a goal are set as parts of the state (qpos, qvel), which this "
                "environment's cannot be",
                id);
  return *physics;
}

size_t frame_bytes(const Field& pixels) {
  return pixels.bytes() / static_cast<size_t>(pixels.stacked);
}

}  // namespace

ReachGoal::ReachGoal(std::unique_ptr<Env> wrapped,
                     std::shared_ptr<const std::vector<ReachGoalTask>> tasks,
                     const ReachGoalOptions& options)
    : Wrapper(std::move(wrapped), fmt::format("reach_goal in {} steps", options.budget)),
      tasks_(std::move(tasks)),
      options_(options),
      inner_physics_(&settable_parts(spec().id, inner().physics())),
      physics_(*inner_physics_, *this),
      inner_fields_(spec().observation.size()) {
  REVERIE_CHECK(options.budget >= 1, "{}: a budget of {} steps for a goal, expected at least 1",
                spec().id, options.budget);
  REVERIE_CHECK(!options.radius || (std::isfinite(*options.radius) && *options.radius > 0.0),
                "{}: a goal's radius of {} m, expected one above 0", spec().id, *options.radius);
  std::vector<std::string> fields;
  for (const Field& field : spec().observation) fields.push_back(field.name);
  const auto pixels = std::find(fields.begin(), fields.end(), "pixels");
  REVERIE_CHECK(pixels != fields.end(),
                "{}: goals are shown as pictures, but the observation is {}; expected "
                "--observation pixels or both",
                spec().id, fmt::join(fields, ", "));
  pixels_ = static_cast<size_t>(pixels - fields.begin());
  state_size_ = inner().state().size();
  check_tasks();
  add_fields();
}

void ReachGoal::check_tasks() {
  REVERIE_CHECK(tasks_ != nullptr && !tasks_->empty(), "{}: no tasks to reach a goal", spec().id);
  const std::vector<std::string> names = names_of(tasks_->front().start);
  const auto qpos = std::find(names.begin(), names.end(), "qpos");
  REVERIE_CHECK(qpos != names.end(), "{}: task 0 has the parts {}, expected qpos among them",
                spec().id, names);
  qpos_ = static_cast<size_t>(qpos - names.begin());
  const Field& field = spec().observation[pixels_];
  for (size_t i = 0; i < tasks_->size(); ++i) {
    const ReachGoalTask& task = (*tasks_)[i];
    const std::string who = fmt::format("{}: task {}", spec().id, i);
    check_state(who + ": start", task.start);
    if (!task.goal.empty()) check_state(who + ": goal", task.goal);
    REVERIE_CHECK(!task.goal.empty() || !task.picture.empty(),
                  "{} has neither a goal state nor its picture", who);
    REVERIE_CHECK(!task.goal.empty() || !options_.planner_fields,
                  "{} has no goal state, only a picture, which a planner on the true simulator "
                  "cannot use",
                  who);
    REVERIE_CHECK(task.picture.empty() || task.picture.size() == frame_bytes(field),
                  "{}: a goal picture of {} bytes, expected {}, as the pixels [{}] have", who,
                  task.picture.size(), frame_bytes(field), fmt::join(field.shape, ", "));
  }
  const std::vector<double>& first = tasks_->front().start[qpos_].second;
  here_.resize(first.size());
  measures_distance_ = parts().goal_distance(first).has_value();
  REVERIE_CHECK(measures_distance_ || !options_.radius,
                "{}: a goal's radius of {} m, but this environment measures no distance to a goal",
                spec().id, *options_.radius);
}

void ReachGoal::check_state(const std::string& who, const ReachGoalTask::State& state) const {
  const std::vector<std::string> expected = names_of(tasks_->front().start);
  REVERIE_CHECK(names_of(state) == expected, "{} has the parts {}, expected {}, as the first task",
                who, names_of(state), expected);
  std::vector<std::string> known;
  for (const PhysicsState::Part& part : parts().parts()) known.push_back(part.name);
  for (const auto& [name, values] : state) {
    const auto found = std::find(known.begin(), known.end(), name);
    if (found == known.end()) fail_unknown_name(who + ": part", name, known);
    const size_t size = parts().parts()[static_cast<size_t>(found - known.begin())].size;
    REVERIE_CHECK(values.size() == size, "{}: {} of {} numbers, expected {}", who, name,
                  values.size(), size);
    for (const double value : values) {
      REVERIE_CHECK(std::isfinite(value), "{}: {} holds {}, expected finite numbers", who, name,
                    value);
    }
  }
}

void ReachGoal::add_fields() {
  EnvSpec& spec = edit_spec();
  spec.reference.reset();
  spec.max_steps =
      spec.max_steps == 0 ? options_.budget : std::min(spec.max_steps, options_.budget);
  const auto add = [&](Field field) {
    for (const Field& known : spec.observation) {
      REVERIE_CHECK(known.name != field.name, "{}: the observation has a field '{}' already",
                    spec.id, field.name);
    }
    spec.observation.push_back(std::move(field));
  };
  Field goal = spec.observation[pixels_];
  goal.name = "goal_pixels";
  goal_picture_.resize(goal.bytes());
  add(std::move(goal));
  if (!options_.planner_fields) return;
  add({.name = "simulator_state",
       .shape = {static_cast<int64_t>(state_size_)},
       .dtype = DType::kFloat64});
  for (const auto& [name, values] : tasks_->front().goal) {
    add({.name = "goal_" + name,
         .shape = {static_cast<int64_t>(values.size())},
         .dtype = DType::kFloat64});
  }
}

void ReachGoal::place(const ReachGoalTask::State& state) {
  for (const auto& [name, values] : state) parts().set(name, values);
}

void ReachGoal::reset(uint64_t seed, FieldViews obs) {
  const FieldViews inner_obs = inner_views(obs);
  ended_ = true;  // should anything fail
  task_ = static_cast<size_t>(seed % tasks_->size());
  inner().reset(seed, inner_obs);
  take_goal_picture(inner_obs);
  place(task().start);
  parts().observe(inner_obs);
  steps_ = 0;
  reached_ = false;
  ended_ = false;
  const std::optional<Nearness> start = nearness();
  least_distance_ = start ? start->distance : 0.0;
  show_goal(obs);
}

// The inner episode is as it was afterwards.
void ReachGoal::take_goal_picture(FieldViews inner_obs) {
  if (!task().picture.empty()) {
    const size_t bytes = task().picture.size();
    for (size_t at = 0; at < goal_picture_.size(); at += bytes) {  // each frame of a stack
      std::memcpy(goal_picture_.data() + at, task().picture.data(), bytes);
    }
    return;
  }
  const std::vector<double> begun = inner().state();
  place(task().goal);
  parts().observe(inner_obs);
  std::memcpy(goal_picture_.data(), inner_obs[pixels_].data, goal_picture_.size());
  inner().set_state(begun);
}

StepResult ReachGoal::step(ConstFieldView action, FieldViews obs) {
  REVERIE_CHECK(!ended_, "{}: step() after the end of the episode; call reset() first", spec().id);
  const StepResult result = inner().step(action, inner_views(obs));
  ++steps_;
  if (const std::optional<Nearness> now = nearness()) {
    least_distance_ = std::min(least_distance_, now->distance);
    reached_ = now->reached;
  }
  ended_ = reached_ || result.terminated || result.truncated || steps_ >= options_.budget;
  show_goal(obs);
  return {.reward = reached_ ? 1.0 : 0.0, .terminated = reached_, .truncated = ended_ && !reached_};
}

std::optional<ReachGoal::Nearness> ReachGoal::nearness() const {
  if (task().goal.empty()) return std::nullopt;
  const std::vector<double>& goal = task().goal[qpos_].second;
  if (measures_distance_) {
    const PhysicsState::GoalDistance measured = parts().goal_distance(goal).value();
    const double radius = options_.radius.value_or(measured.radius);
    return Nearness{.distance = measured.distance, .reached = measured.distance <= radius};
  }
  parts().get("qpos", here_);
  double sum = 0.0;
  for (size_t i = 0; i < goal.size(); ++i) sum += (here_[i] - goal[i]) * (here_[i] - goal[i]);
  return Nearness{.distance = std::sqrt(sum / static_cast<double>(goal.size()))};
}

void ReachGoal::show_goal(FieldViews obs) const {
  FieldViews own = obs.subspan(inner_fields_);
  std::memcpy(own[0].data, goal_picture_.data(), goal_picture_.size());
  if (!options_.planner_fields) return;
  const std::vector<double> state = inner().state();
  REVERIE_CHECK_RUN(state.size() == state_size_, "{}: a state of {} numbers, {} before", spec().id,
                    state.size(), state_size_);
  std::copy(state.begin(), state.end(), own[1].as<double>().begin());
  for (size_t i = 0; i < task().goal.size(); ++i) {
    const std::vector<double>& values = task().goal[i].second;
    std::copy(values.begin(), values.end(), own[2 + i].as<double>().begin());
  }
}

Metrics ReachGoal::metrics() const {
  const std::optional<Nearness> now = nearness();
  if (!now) return {};
  Metrics metrics;
  if (measures_distance_) metrics.emplace_back("success", reached_ ? 1.0 : 0.0);
  metrics.emplace_back("goal_distance", now->distance);
  metrics.emplace_back("least_goal_distance", least_distance_);
  return metrics;
}

void ReachGoal::Physics::observe(FieldViews obs) const {
  WrappedPhysics::observe(wrapper_.inner_views(obs));
  wrapper_.show_goal(obs);
}

std::optional<double> ReachGoal::Physics::reward() const {
  const std::optional<Nearness> now = wrapper_.nearness();
  return now && now->reached ? 1.0 : 0.0;
}

std::vector<double> ReachGoal::memory() const {
  StateWriter writer;
  writer.count(static_cast<int64_t>(task_));
  writer.count(steps_);
  writer.count(reached_ ? 1 : 0);
  writer.count(ended_ ? 1 : 0);
  writer.number(least_distance_);
  writer.row(spec().observation[inner_fields_], goal_picture_);
  return writer.take();
}

void ReachGoal::set_memory(std::span<const double> numbers) {
  StateReader reader(fmt::format("{}: reach_goal", spec().id), numbers);
  const int64_t task = reader.count(static_cast<double>(tasks_->size() - 1));
  const int64_t steps = reader.count(static_cast<double>(options_.budget));
  const bool reached = reader.count(1.0) != 0;
  const bool ended = reader.count(1.0) != 0;
  const double least_distance = reader.number();
  std::vector<std::byte> picture = reader.row(spec().observation[inner_fields_]);
  task_ = static_cast<size_t>(task);
  steps_ = steps;
  reached_ = reached;
  ended_ = ended;
  least_distance_ = least_distance;
  goal_picture_ = std::move(picture);
}

EnvMaker reach_goal_maker(EnvMaker inner, std::shared_ptr<const std::vector<ReachGoalTask>> tasks,
                          const ReachGoalOptions& options) {
  EnvMaker maker = [inner = std::move(inner), tasks = std::move(tasks), options] {
    return std::make_unique<ReachGoal>(inner(), tasks, options);
  };
  maker();
  return maker;
}

}  // namespace reverie
