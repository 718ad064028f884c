#include "apps/goals.h"

#include <algorithm>
#include <charconv>

#include "agents/planning/goal_tasks.h"
#include "agents/training/dataset_split.h"
#include "core/video.h"

namespace reverie {
namespace {

constexpr int64_t kMostSteps = 1000000;  // of an episode

}  // namespace

void GoalFlags::add_to(CommandLine& line) {
  CLI::App& app = line.app();
  const std::string group = "Goals, of runs that plan to them";
  app.add_option("--dataset", dataset,
                 "whose held-out episodes starts and goals are drawn from (default: the run's)")
      ->group(group);
  app.add_option("--goal-steps", steps, "steps from start to goal, N or LOW-HIGH (default 25-50)")
      ->group(group);
  app.add_option("--budget", budget, "steps to get there (default: twice --goal-steps)")
      ->check(CLI::Range(int64_t{1}, kMostSteps))
      ->group(group);
  app.add_option("--radius", radius, "what counts as there [m] (default: the environment's own)")
      ->check(CLI::PositiveNumber)
      ->group(group);
  app.add_option("--goal-image", image, "a PNG file that shows the goal, of the size of the pixels")
      ->group(group);
  app.add_option("--goal-state", state, "qpos of the goal, X,Y,...")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->group(group);
}

namespace {

int64_t parse_steps(const std::string& text, std::string_view whole) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  REVERIE_CHECK(
      error == std::errc() && end == text.data() + text.size() && value >= 1 && value <= kMostSteps,
      "--goal-steps {}: expected N or LOW-HIGH, whole numbers from 1 to {}", whole, kMostSteps);
  return value;
}

GoalTaskOptions task_options(const GoalFlags& flags, int64_t count, uint64_t seed) {
  GoalTaskOptions options{.count = count, .seed = seed};
  const size_t dash = flags.steps.find('-');
  options.least_steps = parse_steps(flags.steps.substr(0, dash), flags.steps);
  options.most_steps = dash == std::string::npos
                           ? options.least_steps
                           : parse_steps(flags.steps.substr(dash + 1), flags.steps);
  REVERIE_CHECK(options.least_steps <= options.most_steps,
                "--goal-steps {}: the first is larger than the second", flags.steps);
  if (flags.radius > 0.0) options.radius = flags.radius;
  options.goal = flags.state;
  return options;
}

// The picture of a goal, as large as the pixels.
std::vector<uint8_t> read_goal_picture(const std::string& file, const Field& pixels) {
  REVERIE_CHECK(pixels.shape.back() == 3,
                "--goal-image {}: the run sees pictures of {} channel, expected three", file,
                pixels.shape.back());
  return read_png(file, static_cast<int>(pixels.shape[1]), static_cast<int>(pixels.shape[0]));
}

}  // namespace

Goals find_goals(const GoalFlags& flags, const RunConfig& config, const EnvMaker& make,
                 int64_t count, uint64_t seed) {
  REVERIE_CHECK(flags.image.empty() || flags.state.empty(),
                "--goal-image and --goal-state exclude each other");
  GoalTaskOptions options = task_options(flags, count, seed);
  const EnvSpec spec = make()->spec();
  if (!flags.image.empty()) options.picture = read_goal_picture(flags.image, spec.field("pixels"));
  std::vector<ReachGoalTask> tasks;
  Goals goals;
  const std::string path = flags.dataset.empty() ? config.training.dataset : flags.dataset;
  if (path.empty()) {
    tasks = play_goal_tasks(make, options);
    goals.source = fmt::format("episodes of random actions, {} steps apart", flags.steps);
  } else {
    const DatasetSplit split = open_split_dataset(config, spec.id, path);
    tasks = draw_goal_tasks(*split.dataset, split.episodes.held_out, *make(), options);
    goals.source = fmt::format("held-out episodes of {}, {} steps apart", path, flags.steps);
  }
  if (!flags.state.empty()) goals.source = "--goal-state";
  if (!flags.image.empty()) {
    goals.source = fmt::format("{} (of an unknown state: success is not measured)", flags.image);
  }
  goals.tasks = std::make_shared<const std::vector<ReachGoalTask>>(std::move(tasks));
  const int64_t limit = spec.max_steps > 0 ? spec.max_steps : kMostSteps;
  REVERIE_CHECK(flags.budget <= limit, "--budget {}: {} ends its episodes after {} steps",
                flags.budget, spec.id, limit);
  goals.options.budget = flags.budget > 0 ? flags.budget : std::min(2 * options.most_steps, limit);
  if (flags.radius > 0.0) goals.options.radius = flags.radius;
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
