#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "envs/env.h"

namespace reverie {

// Every environment there is, in the order of `reverie list envs`, with the options of the wrappers
// (envs/wrappers/wrapped_config.h) beside its own.
const std::vector<EnvEntry>& env_registry();

// The environment of that id or alias: of the registry, or added by the program. Throws Error
// naming the nearest one for an unknown id. What is returned stays valid.
const EnvEntry& find_env(std::string_view id);

// Adds an environment of the program's own, with the options of the wrappers; `train`, `evaluate`
// and the like find it by its id from then on. To be called before threads look environments up.
// Throws Error(kInput) for an id that exists.
void add_environment(EnvEntry entry);

// Environments that are made from their id, such as "dream:RUN": `resolve` gets what stands behind
// "SCHEME:". For modules above this one, which envs/ knows nothing of. The same rules.
void add_environments(std::string scheme, std::function<EnvEntry(std::string_view rest)> resolve);

}  // namespace reverie
