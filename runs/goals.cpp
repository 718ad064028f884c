#include "runs/goals.h"

#include <algorithm>
#include <charconv>

#include <fmt/ranges.h>

#include "agents/planning/goal_tasks.h"
#include "agents/training/dataset_split.h"
#include "drawing/video.h"
#include "envs/maze/goal_episode.h"

namespace reverie {
namespace {

constexpr int64_t kMostSteps = GoalRequest::kMostSteps;

int64_t parse_steps(const std::string& text, std::string_view whole) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  REVERIE_CHECK(
      error == std::errc() && end == text.data() + text.size() && value >= 1 && value <= kMostSteps,
      "--goal-steps {}: expected N or LOW-HIGH, whole numbers from 1 to {}", whole, kMostSteps);
  return value;
}

GoalTaskOptions task_options(const GoalRequest& request, int64_t count, uint64_t seed) {
  GoalTaskOptions options{.count = count, .seed = seed};
  const size_t dash = request.steps.find('-');
  options.least_steps = parse_steps(request.steps.substr(0, dash), request.steps);
  options.most_steps = dash == std::string::npos
                           ? options.least_steps
                           : parse_steps(request.steps.substr(dash + 1), request.steps);
  REVERIE_CHECK(options.least_steps <= options.most_steps,
                "--goal-steps {}: the first is larger than the second", request.steps);
  if (request.radius > 0.0) options.radius = request.radius;
  options.goal = request.state;
  return options;
}

// The goal's qpos, of which mazes reach x and y. Those of another size are refused where the tasks
// are drawn.
void check_goal_state(Env& env, const std::vector<double>& qpos) {
  PhysicsState* physics = env.physics();
  if (physics == nullptr || physics->parts().front().size != qpos.size() || qpos.size() < 2) return;
  maze::check_goal_place(env, fmt::format("--goal-state {}", fmt::join(qpos, ",")), qpos[0],
                         qpos[1]);
}

// The picture of a goal, with the size of the pixels.
std::vector<uint8_t> read_goal_picture(const std::string& file, const Field& pixels) {
  REVERIE_CHECK(pixels.shape.back() == 3,
                "--goal-image {}: the run observes pictures of {} channel, expected 3", file,
                pixels.shape.back());
  return read_png(file, static_cast<int>(pixels.shape[1]), static_cast<int>(pixels.shape[0]));
}

}  // namespace

Goals find_goals(const GoalRequest& request, const RunConfig& config, const std::string& known,
                 const EnvMaker& make, int64_t count, uint64_t seed) {
  REVERIE_CHECK(request.image.empty() || request.state.empty(),
                "--goal-image and --goal-state exclude each other");
  GoalTaskOptions options = task_options(request, count, seed);
  const std::unique_ptr<Env> env = make();
  const EnvSpec spec = env->spec();
  check_goal_state(*env, request.state);
  if (!request.image.empty())
    options.picture = read_goal_picture(request.image, spec.field("pixels"));
  std::vector<ReachGoalTask> tasks;
  Goals goals;
  const std::string path = request.dataset.empty() ? config.dataset() : request.dataset;
  if (path.empty()) {
    tasks = play_goal_tasks(make, options);
    goals.source = fmt::format("episodes of random actions, {} steps apart", request.steps);
  } else {
    const DatasetSplit split =
        open_split_dataset(config, spec.id, path, request.dataset.empty() ? known : "");
    tasks = draw_goal_tasks(*split.dataset, split.episodes.held_out, *make(), options);
    goals.source = fmt::format("held-out episodes of {}, {} steps apart", path, request.steps);
  }
  if (!request.state.empty()) goals.source = "--goal-state";
  if (!request.image.empty()) {
    goals.source = fmt::format("{} (of an unknown state: success is not measured)", request.image);
  }
  goals.tasks = std::make_shared<const std::vector<ReachGoalTask>>(std::move(tasks));
  const int64_t limit = spec.max_steps > 0 ? spec.max_steps : kMostSteps;
  REVERIE_CHECK(request.budget <= limit,
                "--budget {}: {} ends its episodes after {} steps; expected no more",
                request.budget, spec.id, limit);
  goals.options.budget =
      request.budget > 0 ? request.budget : std::min(2 * options.most_steps, limit);
  if (request.radius > 0.0) goals.options.radius = request.radius;
  return goals;
}

bool Goals::suit_simulator() const {
  return !tasks->front().goal.empty() && tasks->front().start_state.empty();
}

EnvMaker with_goals(const EnvMaker& make, const Goals& goals, bool planner_fields) {
  ReachGoalOptions options = goals.options;
  options.planner_fields = planner_fields;
  return reach_goal_maker(make, goals.tasks, options);
}

}  // namespace reverie
