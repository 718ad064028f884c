#pragma once

#include "agents/agent.h"

namespace reverie {

// Draws actions uniformly from the action space: the lower reference of every result. For any
// number of environments. spec: a SpaceAdapter's.
std::unique_ptr<Actor> make_random_actor(const EnvSpec& spec, uint64_t seed);

// Likewise for environments without an adapter.
ActorMaker random_actors(const EnvSpec& env);

AgentEntry random_entry();

}  // namespace reverie
