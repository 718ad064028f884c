#pragma once

#include <string>

#include "envs/env.h"

namespace reverie {

// Gymnasium's description of the environment (EnvSpec.to_json()), from which Minari's
// recover_environment() makes it, if ours is equal. "" for environments that neither Gymnasium nor
// Gymnasium-Robotics has, and when an option changes the environment's behaviour; only the episode
// limit may differ. spec: of an environment that the config makes.
std::string gymnasium_env_spec(const EnvSpec& spec, EnvConfig& config);

}  // namespace reverie
