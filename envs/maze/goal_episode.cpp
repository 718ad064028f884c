#include "envs/maze/goal_episode.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <tuple>

namespace reverie::maze {
namespace {

// Numbers of the state after the factors: goal, counters, flags, start, generator in 32-bit halves.
constexpr size_t kRngWords = std::tuple_size_v<Rng::State>;
constexpr size_t kStartAt = 2 + 4;
constexpr size_t kRngAt = kStartAt + 6;
constexpr size_t kTaskState = kRngAt + 2 * kRngWords;

void add_noise(Rng& rng, double half_width, Position& place) {
  for (double& x : place) x += rng.uniform(-half_width, half_width);
}

}  // namespace

GoalEpisode::GoalEpisode(std::shared_ptr<const MazeLayout> layout,
                         std::shared_ptr<const GoalTask> task)
    : layout_(std::move(layout)), task_(std::move(task)), factors_(task_->factors) {}

void GoalEpisode::begin(uint64_t seed) {
  factors_.draw(seed);
  rng_ = Rng(seed);
  start_ = start_velocity_ = first_goal_ = {};
  steps_ = 0;
  reached_at_ = 0;
  at_goal_ = false;
  ended_ = false;
}

Position GoalEpisode::draw_goal() {
  const auto count = static_cast<int64_t>(layout_->goals.size());
  Position goal = layout_->goals[static_cast<size_t>(rng_.integers(0, count))];
  for (double& x : goal) x += rng_.uniform(-kRoboticsNoise, kRoboticsNoise) * layout_->cell;
  return goal;
}

Position GoalEpisode::place_robotics() {
  goal_ = draw_goal();
  goal_ = chosen_goal().value_or(goal_);
  if (const std::optional<Position> start = chosen_start()) return *start;
  const auto count = static_cast<int64_t>(layout_->starts.size());
  Position start{};
  do {
    start = layout_->starts[static_cast<size_t>(rng_.integers(0, count))];
  } while (distance(start, goal_) <= kRoboticsStartDistance * layout_->cell);
  for (double& x : start) x += rng_.uniform(-kRoboticsNoise, kRoboticsNoise) * layout_->cell;
  return start;
}

// The choice of a cell is seeded by the factor's own draw, which depends only on the seed and its
// name.
template <typename Accept>
Position GoalEpisode::vary_place(size_t factor, double noise, const Accept& accept) const {
  const Point drawn = factors_.point(factor);
  Rng rng(mix_seed({std::bit_cast<uint64_t>(drawn.x), std::bit_cast<uint64_t>(drawn.y)}));
  Position place{};
  do {
    place =
        layout_->open[static_cast<size_t>(rng.choice(static_cast<int64_t>(layout_->open.size())))];
    add_noise(rng, noise, place);
  } while (!accept(place));
  return place;
}

std::optional<Position> GoalEpisode::chosen_start() const {
  if (!factors_.chosen(kStart)) return std::nullopt;
  if (!factors_.varied(kStart)) return chosen_place(kStart);
  return vary_place(kStart, task_->start_noise, [&](const Position& start) {
    return distance(start, goal_) > task_->start_distance;
  });
}

// A varied goal is drawn so that a start far enough away remains.
std::optional<Position> GoalEpisode::chosen_goal() const {
  if (!factors_.chosen(kGoal)) return std::nullopt;
  if (!factors_.varied(kGoal)) return chosen_place(kGoal);
  const bool start_fixed = factors_.chosen(kStart) && !factors_.varied(kStart);
  return vary_place(kGoal, task_->goal_noise, [&](const Position& goal) {
    const auto far = [&](const Position& start) {
      return distance(start, goal) > task_->start_distance;
    };
    if (start_fixed) return far(chosen_place(kStart));
    const std::vector<Position>& starts = factors_.chosen(kStart) ? layout_->open : layout_->starts;
    return std::any_of(starts.begin(), starts.end(), far);
  });
}

Position GoalEpisode::chosen_place(size_t factor) const {
  const Point place = factors_.point(factor);
  return {place.x, place.y};
}

void GoalEpisode::check_running() const {
  REVERIE_CHECK(!ended_, "{}: step() after the end of the episode; call reset() first",
                task_->spec.id);
}

double GoalEpisode::reward(const Position& place, const Position& goal) const {
  const double to_goal = distance(place, goal);
  if (task_->dense) return std::exp(-to_goal);
  return to_goal <= layout_->goal_radius ? 1.0 : 0.0;
}

void GoalEpisode::note_start(const Position& position, const Position& velocity) {
  if (steps_ > 0) return;
  start_ = position;
  start_velocity_ = velocity;
  first_goal_ = goal_;
}

double GoalEpisode::shortest_path() const {
  return steps_ > 0 ? task_->paths->to_goal(start_, first_goal_) : std::nan("");
}

StepResult GoalEpisode::advance(const Position& place) {
  ++steps_;
  at_goal_ = distance(place, goal_) <= layout_->goal_radius;
  if (at_goal_ && reached_at_ == 0) reached_at_ = steps_;
  StepResult result;
  result.reward = reward(place, goal_);
  result.terminated = at_goal_ && task_->ends_at_goal;
  const int64_t max_steps = task_->spec.max_steps;
  result.truncated = max_steps > 0 && steps_ >= max_steps && !result.terminated;
  ended_ = result.terminated || result.truncated;

  if (task_->goal_when_reached && at_goal_ && !task_->ends_at_goal && layout_->goals.size() > 1) {
    do {
      goal_ = draw_goal();
    } while (distance(place, goal_) <= layout_->goal_radius);
  }
  return result;
}

Metrics GoalEpisode::metrics(const Position& place) const {
  return {{"success", reached_at_ > 0 ? 1.0 : 0.0},
          {"success_at_end", at_goal_ ? 1.0 : 0.0},
          {"time_to_goal", reached_at_ > 0 ? static_cast<double>(reached_at_) : std::nan("")},
          {"distance_to_goal", distance(place, goal_)}};
}

size_t GoalEpisode::state_size() const { return factors_.all().size() + kTaskState; }

void GoalEpisode::append_state(std::vector<double>& state) const {
  state.insert(state.end(), factors_.all().begin(), factors_.all().end());
  state.insert(state.end(),
               {goal_[0], goal_[1], static_cast<double>(steps_), static_cast<double>(reached_at_),
                at_goal_ ? 1.0 : 0.0, ended_ ? 1.0 : 0.0});
  for (const Position& of_start : {start_, start_velocity_, first_goal_}) {
    state.insert(state.end(), of_start.begin(), of_start.end());
  }
  for (const uint64_t word : rng_.state()) {
    state.push_back(static_cast<double>(word >> 32));
    state.push_back(static_cast<double>(word & 0xffffffffU));
  }
}

void GoalEpisode::set_state(std::span<const double> state) {
  check_finite_values(fmt::format("{}: state of the episode", task_->spec.id), state, state_size());
  const std::span<const double> task = state.subspan(factors_.all().size());
  const auto whole = [&](size_t i, double limit) {
    REVERIE_CHECK(task[i] >= 0.0 && task[i] <= limit && task[i] == std::floor(task[i]),
                  "{}: state of the episode[{}] is {}, expected a whole number in [0, {}]",
                  task_->spec.id, state.size() - task.size() + i, task[i], limit);
    return static_cast<uint64_t>(task[i]);
  };
  Rng::State words;
  for (size_t i = 0; i < kRngWords; ++i) {
    const uint64_t high = whole(kRngAt + 2 * i, 4294967295.0);
    words[i] = high << 32 | whole(kRngAt + 2 * i + 1, 4294967295.0);
  }
  const auto steps = static_cast<int64_t>(whole(2, 0x1p53));
  const auto reached_at = static_cast<int64_t>(whole(3, 0x1p53));
  const bool at_goal = whole(4, 1.0) != 0;
  const bool ended = whole(5, 1.0) != 0;
  Rng rng(0);
  rng.set_state(words);
  factors_.set_all(state.first(factors_.all().size()));
  rng_ = rng;
  goal_ = {task[0], task[1]};
  steps_ = steps;
  reached_at_ = reached_at;
  at_goal_ = at_goal;
  ended_ = ended;
  start_ = {task[kStartAt], task[kStartAt + 1]};
  start_velocity_ = {task[kStartAt + 2], task[kStartAt + 3]};
  first_goal_ = {task[kStartAt + 4], task[kStartAt + 5]};
}

std::vector<PhysicsState::Part> MazePhysics::parts() const {
  auto parts = MujocoPhysicsState::parts();
  parts.push_back({.name = "desired_goal", .size = 2});
  return parts;
}

void MazePhysics::get(std::string_view part, std::span<double> out) const {
  if (part != "desired_goal") return MujocoPhysicsState::get(part, out);
  REVERIE_CHECK(out.size() == 2, "desired_goal: {} numbers asked for, it has 2", out.size());
  std::copy(episode_.goal().begin(), episode_.goal().end(), out.begin());
}

void MazePhysics::set(std::string_view part, std::span<const double> values) {
  if (part != "desired_goal") return MujocoPhysicsState::set(part, values);
  check_finite_values(part, values, 2);
  episode_.set_goal({values[0], values[1]});
}

std::optional<double> MazePhysics::reward() const {
  return episode_.reward({simulation().qpos()[0], simulation().qpos()[1]}, episode_.goal());
}

std::optional<StepResult> MazePhysics::outcome(std::span<const double> achieved,
                                               std::span<const double> desired) const {
  REVERIE_CHECK(achieved.size() == 2 && desired.size() == 2,
                "{}: goals of {} and {} numbers, expected 2", task().spec.id, achieved.size(),
                desired.size());
  const Position place{achieved[0], achieved[1]};
  const Position goal{desired[0], desired[1]};
  return StepResult{
      .reward = episode_.reward(place, goal),
      .terminated = task().ends_at_goal && distance(place, goal) <= layout().goal_radius};
}

std::vector<PhysicsState::Quantity> MazePhysics::quantities() const {
  return {{"x", "position along the first axis [m]"},
          {"y", "position along the second axis [m]"},
          {"vx", "velocity along x [m/s]"},
          {"vy", "velocity along y [m/s]"},
          {"goal_x", "of the goal [m]"},
          {"goal_y", "of the goal [m]"},
          {"distance", "to the goal, straight through walls [m]"}};
}

void MazePhysics::measure(std::span<double> out) const {
  const std::span<const double> qpos = simulation().qpos(), qvel = simulation().qvel();
  const Position& goal = episode_.goal();
  const std::array<double, 7> values = {
      qpos[0], qpos[1], qvel[0], qvel[1], goal[0], goal[1], distance({qpos[0], qpos[1]}, goal)};
  std::copy(values.begin(), values.end(), out.begin());
}

std::vector<PhysicsState::NamedReward> MazePhysics::named_rewards() const {
  const std::string of_goal =
      task().dense ? "exp(-distance)" : fmt::format("distance <= {} ? 1 : 0", layout().goal_radius);
  return {{"goal", of_goal},
          {"forwards-x", "clip(vx / 2, 0, 1)"},
          {"backwards-x", "clip(-vx / 2, 0, 1)"},
          {"forwards-y", "clip(vy / 2, 0, 1)"},
          {"backwards-y", "clip(-vy / 2, 0, 1)"},
          {"stop", "exp(-vx^2 - vy^2)"}};
}

std::optional<PhysicsState::GoalDistance> MazePhysics::goal_distance(
    std::span<const double> goal_qpos) const {
  const std::span<const double> qpos = simulation().qpos();
  REVERIE_CHECK(goal_qpos.size() == qpos.size(), "{}: a goal's qpos of {} numbers, expected {}",
                task().spec.id, goal_qpos.size(), qpos.size());
  return GoalDistance{.distance = distance({qpos[0], qpos[1]}, {goal_qpos[0], goal_qpos[1]}),
                      .radius = layout().goal_radius};
}

const MazePhysics* find_maze(Env& env) {
  const PhysicsState* physics = env.physics();
  return physics == nullptr ? nullptr : dynamic_cast<const MazePhysics*>(&physics->innermost());
}

void check_goal_place(Env& env, std::string_view what, double x, double y) {
  const MazePhysics* maze = find_maze(env);
  if (maze != nullptr) maze->layout().check_place(what, {x, y}, 0.0);
}

}  // namespace reverie::maze
