#pragma once

#include "agents/agent.h"

namespace reverie {

// Actions drawn uniformly from the action space: the floor that every result is shown beside.
std::unique_ptr<Policy> make_random_policy(const EnvSpec& spec, uint64_t seed);

AgentEntry random_entry();

}  // namespace reverie
