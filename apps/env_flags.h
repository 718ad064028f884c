#pragma once

#include <string>

#include "apps/command.h"

namespace reverie {

// Adds the flags that every environment has, and a note in the help that `how` before --help adds
// those of one environment.
void add_common_flags(CommandLine& line, const std::string& how);

}  // namespace reverie
