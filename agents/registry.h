#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agents/agent.h"

namespace reverie {

// Every agent, in the order of `reverie list agents`.
const std::vector<AgentEntry>& agent_registry();

// The names of the agents that need no run: "random, scripted, ...".
std::string untrained_agents();

// The names of the agents that can learn from a dataset.
std::string agents_of_datasets();

// Whether an agent of that name plays without training; false for unknown names.
bool is_untrained(std::string_view name);

// Throws Error that names the nearest one for an unknown name.
const AgentEntry& find_agent(std::string_view name);

}  // namespace reverie
