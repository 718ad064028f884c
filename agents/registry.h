#pragma once

#include <string_view>
#include <vector>

#include "agents/agent.h"

namespace reverie {

// Every agent there is, in the order of `reverie list agents`.
const std::vector<AgentEntry>& agent_registry();

// Throws Error naming the nearest one for an unknown name.
const AgentEntry& find_agent(std::string_view name);

}  // namespace reverie
