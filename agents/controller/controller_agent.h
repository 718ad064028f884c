#pragma once

#include <memory>
#include <string>

#include "agents/agent.h"

namespace reverie {

// The controller of that name which comes with an environment (EnvEntry::controllers), as a policy:
// one instance for each row of the observations. Throws Error(kInput) that names the environments
// which have one, and where what it reads is not observed.
std::unique_ptr<Policy> make_controller_policy(const std::string& name, const EnvMaker& make,
                                               uint64_t seed);

AgentEntry scripted_entry();
AgentEntry waypoint_entry();

}  // namespace reverie
