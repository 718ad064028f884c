#include "agents/training/hindsight.h"

#include <algorithm>
#include <memory>

#include "envs/env.h"

namespace reverie {

std::optional<GoalSpec> hindsight_goals(const RunConfig& config, const HindsightOptions& options) {
  const std::string& name = options.goal_strategy;
  if (name == "none") return std::nullopt;
  GoalSpec goals{.strategy = parse_goal_strategy(name),
                 .ratio = options.goal_ratio,
                 .random_share = options.goal_random_share};
  const std::shared_ptr<Env> env = config.env_config->maker()();
  const PhysicsState* physics = env->physics();
  const std::vector<double> nowhere(2);
  const auto observes = [&](const std::string& wanted) {
    const std::vector<Field>& fields = env->spec().observation;
    return std::any_of(fields.begin(), fields.end(),
                       [&](const Field& field) { return field.name == wanted; });
  };
  REVERIE_CHECK(physics != nullptr && physics->innermost().outcome(nowhere, nowhere) &&
                    observes(goals.achieved) && observes(goals.desired),
                "--goal-strategy {}: {} has no goals to replace; expected a maze that observes "
                "`desired_goal`",
                name, env->spec().id);
  REVERIE_CHECK(
      physics->outcome(nowhere, nowhere),
      "--goal-strategy {}: another goal's reward is not known in {} with --frame-skip, "
      "whose rewards sum over states that are not stored, or with --reward, whose formula "
      "is of the episode's goal; expected neither",
      name, env->spec().id);
  goals.outcome = [env](std::span<const double> achieved, std::span<const double> desired,
                        bool /*terminated*/) {
    const std::optional<StepResult> result = env->physics()->outcome(achieved, desired);
    return GoalOutcome{result->reward, result->terminated};
  };
  return goals;
}

}  // namespace reverie
