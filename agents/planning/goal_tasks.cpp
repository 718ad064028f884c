#include "agents/planning/goal_tasks.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include <fmt/ranges.h>

#include "agents/planning/episode_replay.h"
#include "agents/random/random_agent.h"
#include "agents/space_adapter.h"
#include "core/field_numbers.h"
#include "envs/vector_env.h"
#include "nn/pch.h"
#include "nn/tensor_map.h"

namespace reverie {
namespace {

constexpr int64_t kMostSolved = 1000;

bool can_set_parts(const PhysicsState* physics, const std::string& id) {
  REVERIE_CHECK(physics != nullptr,
                "goals: {} names no parts of its state, which starts and goals need", id);
  return physics->settable();
}

// The parts of a recorded state that can be set.
std::vector<PhysicsState::Part> settable_parts(const PhysicsState& physics, const std::string& id) {
  std::vector<PhysicsState::Part> parts;
  for (const PhysicsState::Part& part : physics.parts()) {
    if (part.name == "qpos" || part.name == "qvel") parts.push_back(part);
  }
  REVERIE_CHECK(!parts.empty() && parts.front().name == "qpos", "goals: {} has no qpos to set", id);
  return parts;
}

// Episodes as tasks from the state before step `start` to that before step `goal`.
struct RecordedEpisodes {
  std::string source;            // for people
  std::vector<int64_t> lengths;  // [steps]
  std::function<ReachGoalTask(int64_t episode, int64_t start, int64_t goal)> task;
};

// The user's goal instead of a recorded one.
void choose_goal(ReachGoalTask& task, const GoalTaskOptions& options) {
  if (!options.picture.empty()) {
    task.goal.clear();
    task.picture = options.picture;
  }
  if (options.goal.empty()) return;
  REVERIE_CHECK(task.start_state.empty(),
                "--goal-state: states of this environment cannot be set by their parts; expected a "
                "recorded goal or --goal-image");
  REVERIE_CHECK(options.goal.size() == task.goal.front().second.size(),
                "--goal-state: {} numbers, expected the {} of qpos", options.goal.size(),
                task.goal.front().second.size());
  for (auto& [name, values] : task.goal) {
    values = name == "qpos" ? options.goal : std::vector<double>(values.size(), 0.0);
  }
}

// The distance from a task's start to its goal, if the environment measures it.
std::optional<PhysicsState::GoalDistance> start_distance(const ReachGoalTask& task,
                                                         PhysicsState& physics) {
  if (task.goal.empty()) return std::nullopt;
  const std::vector<double>& goal = task.goal.front().second;
  if (task.start_state.empty()) {
    for (const auto& [name, values] : task.start) physics.set(name, values);
    return physics.goal_distance(goal);
  }
  const std::vector<double>& start = task.start.front().second;
  double squares = 0.0;
  for (size_t i = 0; i < goal.size(); ++i) squares += (goal[i] - start[i]) * (goal[i] - start[i]);
  return PhysicsState::GoalDistance{.distance = std::sqrt(squares), .radius = 0.0};
}

// Pairs from one episode each, drawn uniformly over all their places.
std::vector<ReachGoalTask> draw_pairs(const RecordedEpisodes& recorded, PhysicsState& physics,
                                      const GoalTaskOptions& options) {
  REVERIE_CHECK(options.least_steps >= 1 && options.least_steps <= options.most_steps,
                "goals: {} to {} steps apart, expected two numbers in order, from 1 on",
                options.least_steps, options.most_steps);
  std::vector<int64_t> ends;  // of the places up to each episode
  int64_t places = 0;
  for (const int64_t length : recorded.lengths) {
    places += std::max<int64_t>(0, length - options.most_steps);
    ends.push_back(places);
  }
  REVERIE_CHECK(places > 0, "{}: no held-out episode has the {} steps between a start and a goal",
                recorded.source, options.most_steps + 1);
  Rng rng(options.seed);
  std::vector<ReachGoalTask> tasks;
  int64_t solved = 0;  // in a row
  while (static_cast<int64_t>(tasks.size()) < options.count) {
    REVERIE_CHECK(solved < kMostSolved,
                  "{}: {} pairs in a row were solved at their start; use goals further apart",
                  recorded.source, kMostSolved);
    const int64_t place = rng.integers(0, places);
    const auto episode = std::upper_bound(ends.begin(), ends.end(), place) - ends.begin();
    const int64_t first = episode == 0 ? 0 : ends[static_cast<size_t>(episode) - 1];
    const int64_t apart = rng.integers(options.least_steps, options.most_steps + 1);
    ReachGoalTask task = recorded.task(episode, place - first, place - first + apart);
    choose_goal(task, options);
    const auto distance = start_distance(task, physics);
    if (distance && distance->distance <= options.radius.value_or(distance->radius)) {
      ++solved;
      continue;
    }
    solved = 0;
    tasks.push_back(std::move(task));
  }
  return tasks;
}

// The columns of the parts in a dataset's info.
std::vector<size_t> find_columns(const Dataset& dataset,
                                 const std::vector<PhysicsState::Part>& parts) {
  std::vector<size_t> columns;
  for (const PhysicsState::Part& part : parts) {
    const std::vector<Field>& info = dataset.schema().info;
    const auto found = std::find_if(info.begin(), info.end(),
                                    [&](const Field& field) { return field.name == part.name; });
    REVERIE_CHECK(found != info.end() && found->numel() == static_cast<int64_t>(part.size) &&
                      (found->dtype == DType::kFloat64 || found->dtype == DType::kFloat32),
                  "{}: holds no `{}` of {} numbers, which define starts and goals", dataset.path(),
                  part.name, part.size);
    columns.push_back(static_cast<size_t>(found - info.begin()));
  }
  return columns;
}

// Some episodes of a dataset, without pictures, each read when it is first needed.
class EpisodeReader {
 public:
  EpisodeReader(Dataset& dataset, const std::vector<int64_t>& episodes)
      : dataset_(dataset), episodes_(episodes) {}

  std::vector<int64_t> lengths() const {
    std::vector<int64_t> out;
    for (const int64_t episode : episodes_) {
      out.push_back(dataset_.episodes().at(static_cast<size_t>(episode)).length);
    }
    return out;
  }

  // index: into the episodes that were given.
  const EpisodeData& read(int64_t index) {
    const int64_t episode = episodes_[static_cast<size_t>(index)];
    auto found = read_.find(episode);
    if (found == read_.end()) {
      EpisodeData data = dataset_.read(episode);
      data.observation.clear();  // pictures are large
      found = read_.emplace(episode, std::move(data)).first;
    }
    return found->second;
  }

 private:
  Dataset& dataset_;
  const std::vector<int64_t>& episodes_;
  std::map<int64_t, EpisodeData> read_;
};

// Tasks of environments whose parts can be set: both ends as recorded.
RecordedEpisodes recorded_states(Dataset& dataset, EpisodeReader& reader,
                                 const std::vector<PhysicsState::Part>& parts) {
  const auto state = [&dataset, parts, columns = find_columns(dataset, parts)](
                         const EpisodeData& episode, int64_t t) {
    ReachGoalTask::State out;
    for (size_t i = 0; i < parts.size(); ++i) {
      out.emplace_back(parts[i].name,
                       row_numbers(dataset.schema().info[columns[i]], episode.info[columns[i]], t));
    }
    return out;
  };
  return {.source = dataset.path(),
          .lengths = reader.lengths(),
          .task = [&reader, state](int64_t index, int64_t start, int64_t goal) {
            const EpisodeData& episode = reader.read(index);
            return ReachGoalTask{.start = state(episode, start), .goal = state(episode, goal)};
          }};
}

// Tasks of other environments: the episodes are replayed.
RecordedEpisodes recorded_actions(Dataset& dataset, EpisodeReader& reader, Env& env) {
  const PhysicsState::Part place = env.physics()->parts().front();
  const size_t column = find_columns(dataset, {place}).front();
  const auto task = [&dataset, &reader, &env, column](int64_t index, int64_t start, int64_t goal) {
    const EpisodeData& episode = reader.read(index);
    REVERIE_CHECK(episode.seed.has_value(),
                  "{}: holds no seeds of its resets, which replaying episodes of {} needs; "
                  "expected a dataset in D4RL's or Minari's layout, which hold them",
                  dataset.path(), env.spec().id);
    const PlayedActions played{.seed = static_cast<uint64_t>(*episode.seed),
                               .actions = numbers(dataset.schema().action, episode.action)};
    ReachGoalTask found = replay_goal_task(env, played, start, goal);
    const std::vector<double> recorded =
        row_numbers(dataset.schema().info[column], episode.info[column], start);
    const std::vector<double>& reached = found.start.front().second;
    for (size_t i = 0; i < recorded.size(); ++i) {
      constexpr double kTolerance = 1e-2;  // [m], of data in single precision
      REVERIE_CHECK(std::abs(reached[i] - recorded[i]) <= kTolerance,
                    "{}: its actions lead {} to other states than recorded ({}, expected {}); was "
                    "it recorded with other options?",
                    dataset.path(), env.spec().id, reached[i], recorded[i]);
    }
    return found;
  };
  return {.source = dataset.path(), .lengths = reader.lengths(), .task = task};
}

// Episodes of random actions, in one environment.
struct PlayedEpisodes {
  std::vector<std::vector<ReachGoalTask::State>> states;  // before each step, if there are parts
  std::vector<PlayedActions> actions;
};

PlayedEpisodes play_randomly(Env& env, const std::vector<PhysicsState::Part>& parts,
                             uint64_t seed) {
  constexpr uint64_t kEpisodes = 32;
  const FieldRows obs(env.spec().observation, 1);
  SpaceAdapter adapter(env.spec(), 1);
  const std::unique_ptr<Actor> actor = make_random_actor(adapter.spec(), mix_seed({seed, 1}));
  PlayedEpisodes out;
  for (uint64_t episode = 0; episode < kEpisodes; ++episode) {
    std::vector<ReachGoalTask::State>& states = out.states.emplace_back();
    PlayedActions& played = out.actions.emplace_back();
    played.seed = mix_seed({seed, 2, episode});
    env.reset(played.seed, obs.row(0));
    for (bool ended = false; !ended;) {
      ReachGoalTask::State& state = states.emplace_back();
      for (const PhysicsState::Part& part : parts) {
        state.emplace_back(part.name, std::vector<double>(part.size));
        env.physics()->get(part.name, state.back().second);
      }
      const FieldViews seen = adapter.observations(obs.row(0));
      const ConstFieldView action = adapter.actions(actor->act(borrow_tensors(seen)).action);
      const at::Tensor row = copy_as_double(action);
      const auto* values = row.const_data_ptr<double>();
      played.actions.insert(played.actions.end(), values, values + row.numel());
      const StepResult result = env.step(action, obs.row(0));
      ended = result.terminated || result.truncated;
    }
  }
  return out;
}

}  // namespace

std::vector<ReachGoalTask> draw_goal_tasks(Dataset& dataset, const std::vector<int64_t>& episodes,
                                           Env& env, const GoalTaskOptions& options) {
  EpisodeReader reader(dataset, episodes);
  PhysicsState* physics = env.physics();
  const bool sets = can_set_parts(physics, env.spec().id);
  return draw_pairs(sets ? recorded_states(dataset, reader, settable_parts(*physics, env.spec().id))
                         : recorded_actions(dataset, reader, env),
                    *physics, options);
}

std::vector<ReachGoalTask> play_goal_tasks(const EnvMaker& make, const GoalTaskOptions& options) {
  const std::unique_ptr<Env> env = make();
  PhysicsState* physics = env->physics();
  const bool sets = can_set_parts(physics, env->spec().id);
  const PlayedEpisodes played = play_randomly(
      *env, sets ? settable_parts(*physics, env->spec().id) : std::vector<PhysicsState::Part>(),
      options.seed);
  RecordedEpisodes recorded{.source = env->spec().id, .lengths = {}, .task = {}};
  for (const auto& states : played.states) {
    recorded.lengths.push_back(static_cast<int64_t>(states.size()) - 1);
  }
  recorded.task = [&](int64_t index, int64_t start, int64_t goal) {
    const auto episode = static_cast<size_t>(index);
    if (!sets) return replay_goal_task(*env, played.actions[episode], start, goal);
    const std::vector<ReachGoalTask::State>& states = played.states[episode];
    return ReachGoalTask{.start = states[static_cast<size_t>(start)],
                         .goal = states[static_cast<size_t>(goal)]};
  };
  return draw_pairs(recorded, *physics, options);
}

}  // namespace reverie
