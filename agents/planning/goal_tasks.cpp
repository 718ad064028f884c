#include "agents/planning/goal_tasks.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>

#include <fmt/ranges.h>

#include "agents/action_box.h"
#include "agents/pch.h"
#include "nn/tensor_map.h"

namespace reverie {
namespace {

constexpr int64_t kMostSolved = 1000;

// The parts of a recorded state that can be set again.
std::vector<PhysicsState::Part> settable_parts(const PhysicsState* physics, const std::string& id) {
  REVERIE_CHECK(physics != nullptr && physics->settable(),
                "goals: the state of {} cannot be set, so no episode can begin at a recorded one",
                id);
  std::vector<PhysicsState::Part> parts;
  for (const PhysicsState::Part& part : physics->parts()) {
    if (part.name == "qpos" || part.name == "qvel") parts.push_back(part);
  }
  REVERIE_CHECK(!parts.empty() && parts.front().name == "qpos", "goals: {} has no qpos to set", id);
  return parts;
}

// Episodes as states: how long each is, and its state before step t.
struct RecordedStates {
  std::vector<int64_t> lengths;  // [steps]
  std::function<ReachGoalTask::State(int64_t episode, int64_t t)> state;
};

// The goal state that the user gave, or the recorded one.
ReachGoalTask::State choose_goal(const GoalTaskOptions& options, ReachGoalTask::State recorded) {
  if (!options.picture.empty()) return {};
  if (options.goal.empty()) return recorded;
  REVERIE_CHECK(options.goal.size() == recorded.front().second.size(),
                "--goal-state: {} numbers, expected the {} of qpos", options.goal.size(),
                recorded.front().second.size());
  for (auto& [name, values] : recorded) {
    values = name == "qpos" ? options.goal : std::vector<double>(values.size(), 0.0);
  }
  return recorded;
}

// Where the environment can measure it.
bool is_solved(const ReachGoalTask& task, PhysicsState& physics, std::optional<double> radius) {
  if (task.goal.empty()) return false;
  for (const auto& [name, values] : task.start) physics.set(name, values);
  const auto distance = physics.goal_distance(task.goal.front().second);
  return distance && distance->distance <= radius.value_or(distance->radius);
}

// Pairs of one episode, over all of whose places the draw is uniform.
std::vector<ReachGoalTask> draw_pairs(const RecordedStates& recorded, PhysicsState& physics,
                                      const GoalTaskOptions& options, const std::string& source) {
  REVERIE_CHECK(options.least_steps >= 1 && options.least_steps <= options.most_steps,
                "goals: {} to {} steps apart, expected 1 or more and no more than the second",
                options.least_steps, options.most_steps);
  std::vector<int64_t> ends;  // of the places up to each episode
  int64_t places = 0;
  for (const int64_t length : recorded.lengths) {
    places += std::max<int64_t>(0, length - options.most_steps);
    ends.push_back(places);
  }
  REVERIE_CHECK(places > 0, "{}: no held-out episode has the {} steps between a start and a goal",
                source, options.most_steps + 1);
  Rng rng(options.seed);
  std::vector<ReachGoalTask> tasks;
  int64_t solved = 0;  // in a row
  while (static_cast<int64_t>(tasks.size()) < options.count) {
    REVERIE_CHECK(
        solved < kMostSolved,
        "{}: {} pairs in a row were solved at their start; goals further apart are needed", source,
        kMostSolved);
    const int64_t place = rng.integers(0, places);
    const auto episode = std::upper_bound(ends.begin(), ends.end(), place) - ends.begin();
    const int64_t first = episode == 0 ? 0 : ends[static_cast<size_t>(episode) - 1];
    const int64_t apart = rng.integers(options.least_steps, options.most_steps + 1);
    ReachGoalTask task{.start = recorded.state(episode, place - first),
                       .goal = choose_goal(options, recorded.state(episode, place - first + apart)),
                       .picture = options.picture};
    if (is_solved(task, physics, options.radius)) {
      ++solved;
      continue;
    }
    solved = 0;
    tasks.push_back(std::move(task));
  }
  return tasks;
}

// One column of an episode as doubles, row t.
std::vector<double> read_row(const std::vector<std::byte>& column, const Field& field, int64_t t) {
  const size_t bytes = field.bytes();
  const std::byte* row = column.data() + static_cast<size_t>(t) * bytes;
  std::vector<double> values(static_cast<size_t>(field.numel()));
  if (field.dtype == DType::kFloat64) {
    std::memcpy(values.data(), row, bytes);
  } else {
    std::vector<float> floats(values.size());
    std::memcpy(floats.data(), row, bytes);
    std::copy(floats.begin(), floats.end(), values.begin());
  }
  return values;
}

}  // namespace

std::vector<ReachGoalTask> draw_goal_tasks(Dataset& dataset, const std::vector<int64_t>& episodes,
                                           Env& env, const GoalTaskOptions& options) {
  const auto parts = settable_parts(env.physics(), env.spec().id);
  std::vector<size_t> columns;
  for (const PhysicsState::Part& part : parts) {
    const std::vector<Field>& info = dataset.schema().info;
    const auto found = std::find_if(info.begin(), info.end(),
                                    [&](const Field& field) { return field.name == part.name; });
    REVERIE_CHECK(found != info.end() && found->numel() == static_cast<int64_t>(part.size) &&
                      (found->dtype == DType::kFloat64 || found->dtype == DType::kFloat32),
                  "{}: holds no `{}` of {} numbers, which starts and goals are set by",
                  dataset.path(), part.name, part.size);
    columns.push_back(static_cast<size_t>(found - info.begin()));
  }
  std::map<int64_t, EpisodeData> read;  // those that pairs are drawn from
  RecordedStates recorded;
  for (const int64_t episode : episodes) {
    recorded.lengths.push_back(dataset.episodes().at(static_cast<size_t>(episode)).length);
  }
  recorded.state = [&](int64_t index, int64_t t) {
    const int64_t episode = episodes[static_cast<size_t>(index)];
    auto found = read.find(episode);
    if (found == read.end()) {
      EpisodeData data = dataset.read(episode);
      data.observation.clear();  // pictures are large
      found = read.emplace(episode, std::move(data)).first;
    }
    ReachGoalTask::State state;
    for (size_t i = 0; i < parts.size(); ++i) {
      const Field& field = dataset.schema().info[columns[i]];
      state.emplace_back(parts[i].name, read_row(found->second.info[columns[i]], field, t));
    }
    return state;
  };
  return draw_pairs(recorded, *env.physics(), options, dataset.path());
}

std::vector<ReachGoalTask> play_goal_tasks(const EnvMaker& make, const GoalTaskOptions& options) {
  constexpr int64_t kEpisodes = 32;
  const std::unique_ptr<Env> env = make();
  PhysicsState* physics = env->physics();
  const auto parts = settable_parts(physics, env->spec().id);
  std::vector<std::vector<std::byte>> memory;
  std::vector<FieldView> views;
  for (const Field& field : env->spec().observation) {
    memory.emplace_back(field.bytes());
    views.push_back({&field, memory.back().data(), 1});
  }
  const Field action = action_field(env->spec().action);
  Rng rng(mix_seed({options.seed, 1}));
  std::vector<std::vector<ReachGoalTask::State>> played;
  for (int64_t episode = 0; episode < kEpisodes; ++episode) {
    std::vector<ReachGoalTask::State>& states = played.emplace_back();
    env->reset(mix_seed({options.seed, 2, static_cast<uint64_t>(episode)}), views);
    for (bool ended = false; !ended;) {
      ReachGoalTask::State& state = states.emplace_back();
      for (const PhysicsState::Part& part : parts) {
        state.emplace_back(part.name, std::vector<double>(part.size));
        physics->get(part.name, state.back().second);
      }
      const at::Tensor drawn = uniform_actions(env->spec().action, 1, rng).contiguous();
      const StepResult result = env->step(view_of(action, drawn), views);
      ended = result.terminated || result.truncated;
    }
  }
  RecordedStates recorded;
  for (const auto& states : played) {
    recorded.lengths.push_back(static_cast<int64_t>(states.size()) - 1);
  }
  recorded.state = [&](int64_t episode, int64_t t) {
    return played[static_cast<size_t>(episode)][static_cast<size_t>(t)];
  };
  return draw_pairs(recorded, *physics, options, env->spec().id);
}

}  // namespace reverie
