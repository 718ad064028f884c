#pragma once

#include <string>

#include "envs/env.h"

namespace reverie {

// Gymnasium's description of the environment (EnvSpec.to_json()) where ours is its equal: Minari's
// recover_environment() makes it from that. "" for environments that Gymnasium does not have, and
// where an option changes what happens in it; the limit of an episode's steps may be another.
// spec: of an environment that the config makes.
std::string gymnasium_env_spec(const EnvSpec& spec, EnvConfig& config);

}  // namespace reverie
