#pragma once

#include <string_view>
#include <vector>

#include "envs/env.h"

namespace reverie {

// Every environment there is, in the order of `reverie list envs`.
const std::vector<EnvEntry>& env_registry();

// Throws Error naming the nearest one for an unknown id.
const EnvEntry& find_env(std::string_view id);

}  // namespace reverie
