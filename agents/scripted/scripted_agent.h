#pragma once

#include "agents/agent.h"

namespace reverie {

// The controller that comes with an environment (EnvEntry::controller), as a policy. Throws Error
// for an environment without one, and where its state is not among the observed fields.
std::unique_ptr<Policy> make_scripted_policy(const EnvSpec& spec);

AgentEntry scripted_entry();

}  // namespace reverie
