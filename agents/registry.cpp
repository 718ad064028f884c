#include "agents/registry.h"

#include <algorithm>

#include "agents/controller/controller_agent.h"
#include "agents/ddpg/ddpg.h"
#include "agents/jepa/jepa_agent.h"
#include "agents/random/random_agent.h"
#include "agents/rnd/rnd.h"

namespace reverie {

// An explicit table: static initialisers that registered themselves would be dropped by the linker.
const std::vector<AgentEntry>& agent_registry() {
  static const std::vector<AgentEntry> registry = {
      ddpg_entry(), rnd_entry(), jepa_entry(), random_entry(), scripted_entry(), waypoint_entry(),
  };
  return registry;
}

std::string untrained_agents() {
  std::string names;
  for (const AgentEntry& entry : agent_registry()) {
    if (!entry.learns()) names += (names.empty() ? "" : ", ") + entry.name;
  }
  return names;
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
