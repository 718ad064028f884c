#include "runs/value_map.h"

#include "agents/tabular/q_table.h"
#include "runs/load_policy.h"

namespace reverie {

void draw_value_map(Canvas& canvas, const std::string& run, const std::string& checkpoint) {
  LoadOptions options;
  options.checkpoint = checkpoint;
  options.without_goals = true;
  const LoadedPolicy loaded = load_policy(run, options);
  const auto* agent = dynamic_cast<const TabularAgent*>(loaded.agent.get());
  REVERIE_CHECK(agent != nullptr,
                "{}: agent '{}' keeps no table of values; expected value-iteration, "
                "policy-iteration, sarsa or q-learning",
                run, loaded.config->agent);
  const std::optional<FiniteModel> model = loaded.config->env_config->finite_model();
  REVERIE_CHECK(model.has_value(), "{}: {} has no exact model, whose states are drawn", run,
                loaded.spec.id);
  model->draw(canvas, agent->q().values(), agent->q().best_actions());
}

}  // namespace reverie
