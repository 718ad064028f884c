#pragma once

#include <vector>

#include "envs/env.h"

namespace reverie::cheetah {

// The planar cheetahs: `half-cheetah` as Gymnasium has it, `cheetah-*` as dm_control and ExoRL do.
// docs/cheetah.md lists rewards and what differs.
std::vector<EnvEntry> environments();

}  // namespace reverie::cheetah
