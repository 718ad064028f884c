#pragma once

#include "agents/agent.h"

namespace reverie {

// Actions drawn uniformly from the action space: the floor that every result is shown beside. For
// any number of environments. spec: a SpaceAdapter's.
std::unique_ptr<Actor> make_random_actor(const EnvSpec& spec, uint64_t seed);

// The same for environments as they are.
ActorMaker random_actors(const EnvSpec& env);

AgentEntry random_entry();

}  // namespace reverie
