#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "envs/env.h"

namespace reverie {

// Every environment, in the order of `reverie list envs`, with the wrappers' options
// (envs/wrappers/wrapped_config.h) in addition to its own.
const std::vector<EnvEntry>& env_registry();

// The environment with that id or alias, from the registry or added by the program. For an unknown
// id, throws Error that names the nearest one. The reference stays valid.
const EnvEntry& find_env(std::string_view id);

// Adds an environment defined by the program, with the wrappers' options. From then on `train`,
// `evaluate` and other commands find it by its id. Call it before threads look environments up.
// Throws Error(kInput) for an id that exists.
void add_environment(EnvEntry entry);

// Adds environments that are made from their id, such as "dream:RUN": `resolve` gets the part after
// "SCHEME:". For modules above this one, which envs/ must not depend on. The same rules apply.
void add_environments(std::string scheme, std::function<EnvEntry(std::string_view rest)> resolve);

}  // namespace reverie
