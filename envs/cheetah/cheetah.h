#pragma once

#include <vector>

#include "envs/env.h"

namespace reverie::cheetah {

// The planar cheetahs: `half-cheetah` follows Gymnasium, `cheetah-*` follow dm_control and ExoRL.
// docs/cheetah.md lists rewards and differences.
std::vector<EnvEntry> environments();

}  // namespace reverie::cheetah
