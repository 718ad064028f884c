#pragma once

#include <string_view>
#include <vector>

#include "envs/env.h"

namespace reverie {

// Every environment there is, in the order of `reverie list envs`, with the options of the wrappers
// (envs/wrappers/wrapped_config.h) beside its own.
const std::vector<EnvEntry>& env_registry();

// Throws Error naming the nearest one for an unknown id.
const EnvEntry& find_env(std::string_view id);

}  // namespace reverie
