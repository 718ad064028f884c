#include "agents/planning/episode_replay.h"

#include "core/field_numbers.h"
#include "envs/vector_env.h"
#include "nn/pch.h"

namespace reverie {
namespace {

// One environment's observation, and what there is to do in it.
class Player {
 public:
  Player(Env& env, const PlayedActions& played)
      : env_(env),
        played_(played),
        action_(action_field(env.spec().action)),
        action_bytes_(action_.bytes()),
        obs_(env.spec().observation, 1) {
    env.reset(played.seed, obs_.row(0));
  }

  // Takes recorded step t. Returns whether the episode goes on.
  bool step(int64_t t) {
    const auto size = static_cast<size_t>(action_.numel());
    const auto row = std::span(played_.actions).subspan(static_cast<size_t>(t) * size, size);
    const FieldView action{&action_, action_bytes_.data(), 1};
    write_numbers(action, row);
    const StepResult result = env_.step(action, obs_.row(0));
    return !result.terminated && !result.truncated;
  }

  // As ReachGoalTask holds it: the newest frame of a stack.
  std::vector<uint8_t> picture() const {
    const Field& pixels = env_.spec().field("pixels");
    for (const FieldView& view : obs_.row(0)) {
      if (view.field->name != pixels.name) continue;
      const size_t bytes = pixels.bytes() / static_cast<size_t>(pixels.stacked);
      const auto* last = reinterpret_cast<const uint8_t*>(view.data) + pixels.bytes() - bytes;
      return {last, last + bytes};
    }
    fail_input("{}: shows no pixels", env_.spec().id);
  }

 private:
  Env& env_;
  const PlayedActions& played_;
  Field action_;
  std::vector<std::byte> action_bytes_;
  FieldRows obs_;
};

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
                "goals: {} does not say where its body is", env.spec().id);
  const int64_t size = action_field(env.spec().action).numel();
  const auto numbers = static_cast<int64_t>(played.actions.size());
  REVERIE_CHECK(numbers % size == 0, "goals: {} numbers of actions, expected whole rows of {}",
                numbers, size);
  REVERIE_CHECK(start >= 0 && start < goal && goal <= numbers / size,
                "goals: from step {} to step {} of an episode of {} steps, expected an earlier one "
                "and one that it has",
                start, goal, numbers / size);
  Player player(env, played);
  ReachGoalTask task;
  for (int64_t t = 0; t < goal; ++t) {
    if (t == start) {
      task.start = place_of(*physics);
      task.start_state = env.state();
    }
    REVERIE_CHECK(player.step(t) || t + 1 == goal,
                  "goals: an episode of {} ended at step {} when it was played again, expected {} "
                  "steps; was it recorded with other options?",
                  env.spec().id, t + 1, goal);
  }
  task.goal = place_of(*physics);
  task.picture = player.picture();
  return task;
}

}  // namespace reverie
