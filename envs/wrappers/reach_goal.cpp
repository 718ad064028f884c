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

constexpr double kNever = -1.0;  // a radius that nothing is within

PhysicsState& named_parts(const std::string& id, PhysicsState* physics) {
  REVERIE_CHECK(
      physics != nullptr,
      "{}: a start and a goal are parts of the state, which this environment does not name", id);
  return *physics;
}

double square_distance(std::span<const double> a, std::span<const double> b) {
  double sum = 0.0;
  for (size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum;
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
      inner_physics_(&named_parts(spec().id, inner().physics())),
      physics_(*inner_physics_, *this),
      inner_fields_(spec().observation.size()),
      restores_(!inner_physics_->settable()) {
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
  if (options.planner_fields) state_size_ = inner().state().size();
  check_tasks();
  add_fields();
}

void ReachGoal::check_tasks() {
  REVERIE_CHECK(tasks_ != nullptr && !tasks_->empty(), "{}: no tasks to reach a goal", spec().id);
  const std::vector<std::string> names = names_of(tasks_->front().start);
  const auto qpos = std::find(names.begin(), names.end(), "qpos");
  REVERIE_CHECK(restores_ ? names.size() == 1 : qpos != names.end(),
                "{}: task 0 has the parts {}, expected {}", spec().id, names,
                restores_ ? "the one that says where the body is" : "qpos among them");
  place_ = restores_ ? 0 : static_cast<size_t>(qpos - names.begin());
  const Field& field = spec().observation[pixels_];
  for (size_t i = 0; i < tasks_->size(); ++i) {
    const ReachGoalTask& task = (*tasks_)[i];
    const std::string who = fmt::format("{}: task {}", spec().id, i);
    check_start(who, task);
    if (!task.goal.empty()) check_state(who + ": goal", task.goal);
    REVERIE_CHECK(!task.goal.empty() || !task.picture.empty(),
                  "{} has neither a goal state nor its picture", who);
    REVERIE_CHECK((!task.goal.empty() && !restores_) || !options_.planner_fields,
                  "{} has no goal state, only a picture, which a planner on the true simulator "
                  "cannot use",
                  who);
    REVERIE_CHECK(task.picture.empty() || task.picture.size() == frame_bytes(field),
                  "{}: a goal picture of {} bytes, expected {}, as the pixels [{}] have", who,
                  task.picture.size(), frame_bytes(field), fmt::join(field.shape, ", "));
  }
  const std::vector<double>& first = tasks_->front().start[place_].second;
  here_.resize(first.size());
  measures_distance_ = !restores_ && parts().goal_distance(first).has_value();
  REVERIE_CHECK(measures_distance_ || restores_ || !options_.radius,
                "{}: a goal's radius of {} m, but this environment measures no distance to a goal",
                spec().id, *options_.radius);
}

void ReachGoal::check_start(const std::string& who, const ReachGoalTask& task) const {
  check_state(who + ": start", task.start);
  REVERIE_CHECK(task.start_state.empty() != restores_ && (!restores_ || !task.picture.empty()),
                "{} has {} state to begin in and {} picture of its goal; expected {}", who,
                task.start_state.empty() ? "no" : "a whole", task.picture.empty() ? "no" : "a",
                restores_ ? "both: the parts of this environment can only be read"
                          : "no state: the parts of this environment can be set");
}

void ReachGoal::check_state(const std::string& who, const ReachGoalTask::State& state) const {
  const std::vector<std::string> expected = names_of(tasks_->front().start);
  REVERIE_CHECK(names_of(state) == expected, "{} has the parts {}, expected {}, as the first task",
                who, names_of(state), expected);
  std::vector<std::string> known;
  for (const PhysicsState::Part& part : parts().parts()) known.push_back(part.name);
  for (const auto& [name, values] : state) {
    const auto found = std::find(known.begin(), known.end(), name);
    if (found == known.end()) fail_unknown_name("part", name, known, who);
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
       .dtype = DType::kFloat64,
       .is_exact = true});
  for (const auto& [name, values] : tasks_->front().goal) {
    add({.name = "goal_" + name,
         .shape = {static_cast<int64_t>(values.size())},
         .dtype = DType::kFloat64,
         .is_exact = true});
  }
}

void ReachGoal::place(const ReachGoalTask::State& state) {
  for (const auto& [name, values] : state) parts().set(name, values);
}

void ReachGoal::begin_at_start() {
  if (!restores_) {
    place(task().start);
    return;
  }
  inner().set_state(task().start_state);
}

void ReachGoal::reset(uint64_t seed, FieldViews obs) {
  const FieldViews inner_obs = inner_views(obs);
  ended_ = true;  // in case anything fails
  task_ = static_cast<size_t>(seed % tasks_->size());
  inner().reset(seed, inner_obs);
  take_goal_picture(inner_obs);
  begin_at_start();
  parts().observe(inner_obs);
  steps_ = 0;
  reached_ = false;
  ended_ = false;
  const std::optional<Nearness> start = nearness();
  least_distance_ = start ? start->distance : 0.0;
  show_goal(obs);
}

// Afterwards the inner episode is as it was.
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
  const auto& [part, goal] = task().goal[place_];
  if (measures_distance_) {
    const PhysicsState::GoalDistance measured = parts().goal_distance(goal).value();
    const double radius = options_.radius.value_or(measured.radius);
    return Nearness{.distance = measured.distance, .reached = measured.distance <= radius};
  }
  parts().get(part, here_);
  const double squares = square_distance(here_, goal);
  if (restores_) {
    const double distance = std::sqrt(squares);
    return Nearness{.distance = distance, .reached = distance <= options_.radius.value_or(kNever)};
  }
  return Nearness{.distance = std::sqrt(squares / static_cast<double>(goal.size()))};
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
  const bool can_be_reached = measures_distance_ || (restores_ && options_.radius);
  if (can_be_reached) metrics.emplace_back("success", reached_ ? 1.0 : 0.0);
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
