#pragma once

#include <string>
#include <utility>
#include <vector>

#include "apps/command.h"

namespace reverie {

// The flags that make a published dataset, with their values. Throws Error(kInput) that names the
// nearest one for an unknown name.
std::vector<std::pair<std::string, std::string>> collect_preset(const std::string& name);

// Adds the flags of `--preset NAME` of `reverie collect`, except those that are given.
Arguments expand_collect_preset(const Arguments& arguments);

// The names: "maze2d-umaze-v1, ...".
std::string collect_presets();

}  // namespace reverie
