#include "agents/registry.h"

#include "agents/ddpg/ddpg.h"
#include "agents/random/random_agent.h"
#include "agents/scripted/scripted_agent.h"

namespace reverie {

// An explicit table: static initialisers that registered themselves would be dropped by the linker.
const std::vector<AgentEntry>& agent_registry() {
  static const std::vector<AgentEntry> registry = {
      ddpg_entry(),
      random_entry(),
      scripted_entry(),
  };
  return registry;
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
