#include "agents/planning/episode_replay.h"

#include "envs/action_player.h"
#include "nn/pch.h"

namespace reverie {
namespace {

// As in ReachGoalTask: the newest frame of a stack.
std::vector<uint8_t> picture_of(const Env& env, FieldViews obs) {
  const Field& pixels = env.spec().field("pixels");
  for (const FieldView& view : obs) {
    if (view.field->name != pixels.name) continue;
    const size_t bytes = pixels.bytes() / static_cast<size_t>(pixels.stacked);
    const auto* last = reinterpret_cast<const uint8_t*>(view.data) + pixels.bytes() - bytes;
    return {last, last + bytes};
  }
  fail_input("{}: shows no pixels", env.spec().id);
}

ReachGoalTask::State place_of(const PhysicsState& physics) {
  const PhysicsState::Part part = physics.parts().front();
  ReachGoalTask::State place = {{part.name, std::vector<double>(part.size)}};
  physics.get(part.name, place.front().second);
  return place;
}

}  // namespace

ReachGoalTask replay_goal_task(Env& env, const PlayedActions& played, int64_t start, int64_t goal) {
  const PhysicsState* physics = env.physics();
  REVERIE_CHECK(physics != nullptr && !physics->parts().empty(),
                "goals: {} does not report the position of its body", env.spec().id);
  ActionPlayer player(env);
  const int64_t size = player.action().numel();
  const auto numbers = static_cast<int64_t>(played.actions.size());
  REVERIE_CHECK(numbers % size == 0, "goals: {} numbers of actions, expected whole rows of {}",
                numbers, size);
  REVERIE_CHECK(start >= 0 && start < goal && goal <= numbers / size,
                "goals: from step {} to step {} of an episode of {} steps, expected an earlier one "
                "and one that it has",
                start, goal, numbers / size);
  ReachGoalTask task;
  player.reset(played.seed);
  for (int64_t t = 0; t < goal; ++t) {
    if (t == start) {
      task.start = place_of(*physics);
      task.start_state = env.state();
    }
    player.step(std::span(played.actions)
                    .subspan(static_cast<size_t>(t * size), static_cast<size_t>(size)));
    REVERIE_CHECK(!player.ended() || t + 1 == goal,
                  "goals: an episode of {} ended at step {} when it was played again, expected {} "
                  "steps; was it recorded with other options?",
                  env.spec().id, t + 1, goal);
  }
  task.goal = place_of(*physics);
  task.picture = picture_of(env, player.observation());
  return task;
}

}  // namespace reverie
