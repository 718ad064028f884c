#pragma once

#include <memory>
#include <string>

#include "agents/agent.h"

namespace reverie {

// The controller of that name which comes with an environment (EnvEntry::controllers), as actors:
// one instance of it for each environment. Throws Error(kInput) that names the environments
// which have one, and where what it reads is not observed.
ActorMaker controller_actors(const std::string& name, const EnvMaker& make);

AgentEntry scripted_entry();
AgentEntry waypoint_entry();

}  // namespace reverie
