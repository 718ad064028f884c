#pragma once

#include <vector>

#include "envs/env.h"

namespace reverie::car_racing {

// `car-racing` (steering, gas, brake) and `car-racing-discrete` (five actions): Gymnasium's
// CarRacing-v3. docs/car_racing.md describes how they agree and what can be changed.
std::vector<EnvEntry> environments();

}  // namespace reverie::car_racing
