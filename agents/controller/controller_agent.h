#pragma once

#include <memory>
#include <string>

#include "agents/agent.h"

namespace reverie {

// Actors of the controller of that name which comes with an environment (EnvEntry::controllers),
// one instance for each environment. Throws Error(kInput) that names the environments with such a
// controller, and when a field that it reads is not observed.
ActorMaker controller_actors(const std::string& name, const EnvMaker& make);

AgentEntry scripted_entry();
AgentEntry waypoint_entry();

}  // namespace reverie
