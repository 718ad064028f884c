#include "agents/registry.h"

#include <algorithm>
#include <utility>

#include "agents/bc/bc.h"
#include "agents/controller/controller_agent.h"
#include "agents/ddpg/ddpg.h"
#include "agents/dqn/dqn.h"
#include "agents/evolution/evolution_agent.h"
#include "agents/fb/fb.h"
#include "agents/gamma_model/gamma_model.h"
#include "agents/hilp/hilp.h"
#include "agents/iql/iql.h"
#include "agents/jepa/jepa_agent.h"
#include "agents/policy_gradient/a2c.h"
#include "agents/policy_gradient/ppo.h"
#include "agents/policy_gradient/reinforce.h"
#include "agents/preferences/reward_model.h"
#include "agents/random/random_agent.h"
#include "agents/rnd/rnd.h"
#include "agents/sac/sac.h"
#include "agents/tabular/policy_iteration.h"
#include "agents/tabular/q_learning.h"
#include "agents/tabular/sarsa.h"
#include "agents/tabular/successor.h"
#include "agents/tabular/value_iteration.h"
#include "agents/td3/td3.h"
#include "agents/td7/td7.h"
#include "agents/td_jepa/td_jepa.h"
#include "agents/training/training_config.h"
#include "agents/world_models/world_models_agent.h"

namespace reverie {

// An explicit table: the linker would drop static initialisers that registered themselves.
const std::vector<AgentEntry>& agent_registry() {
  static const std::vector<AgentEntry> registry = {
      dqn_entry(),
      ddpg_entry(),
      td3_entry(),
      td7_entry(),
      sac_entry(),
      ppo_entry(),
      a2c_entry(),
      reinforce_entry(),
      evolution_entry(),
      bc_entry(),
      td3_bc_entry(),
      rebrac_entry(),
      iql_entry(),
      fb_entry(),
      hilp_entry(),
      td_jepa_entry(),
      gamma_model_entry(),
      reward_model_entry(),
      rnd_entry(),
      jepa_entry(),
      world_models_entry(),
      value_iteration_entry(),
      policy_iteration_entry(),
      sarsa_entry(),
      q_learning_entry(),
      successor_entry(),
      random_entry(),
      scripted_entry(),
      waypoint_entry(),
  };
  return registry;
}

namespace {

template <typename Condition>
std::string names_where(const Condition& condition) {
  std::string names;
  for (const AgentEntry& entry : agent_registry()) {
    if (condition(entry)) names += (names.empty() ? "" : ", ") + entry.name;
  }
  return names;
}

}  // namespace

std::string untrained_agents() {
  return names_where([](const AgentEntry& entry) { return !entry.learns(); });
}

std::string agents_of_datasets() {
  return names_where([](const AgentEntry& entry) {
    return entry.training && std::as_const(*entry.training()).dataset() != nullptr;
  });
}

bool is_untrained(std::string_view name) {
  const std::vector<AgentEntry>& all = agent_registry();
  return std::any_of(all.begin(), all.end(), [&](const AgentEntry& entry) {
    return entry.name == name && !entry.learns();
  });
}

const AgentEntry& find_agent(std::string_view name) {
  std::vector<std::string> known;
  for (const AgentEntry& entry : agent_registry()) {
    if (entry.name == name) return entry;
    known.push_back(entry.name);
  }
  fail_unknown_name("agent", name, known);
}

}  // namespace reverie
