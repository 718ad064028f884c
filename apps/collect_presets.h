#pragma once

#include "apps/command.h"

namespace reverie {

// Replaces `--preset NAME` of `reverie collect` by the flags that make a published dataset, except
// flags that are given. Throws Error(kInput) that names the nearest one for an unknown name.
Arguments expand_collect_preset(const Arguments& arguments);

// The names: "maze2d-umaze-v1, ...".
std::string collect_presets();

}  // namespace reverie
