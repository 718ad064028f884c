#pragma once

#include <string>
#include <vector>

#include "apps/command.h"

namespace reverie {

// One process of `reverie train` for each seed of a group (runs/run_group.h).
struct SeedRun {
  std::string name;     // for its lines on the terminal
  Arguments arguments;  // of train
};

// Runs the processes, `parallel` at once, and prints their messages with the runs' names before
// them. A stop signal is passed on: each process saves its state, and no other one is started. If
// one fails, no other one is started either, and those that run go on. Returns 0 when all have
// finished, kInterruptedStatus after a stop signal, and otherwise the status of the first that
// failed. Throws Error(kRun) when a process cannot be started.
int train_seeds(const std::vector<SeedRun>& runs, int64_t parallel);

// `arguments` without the flags of those names and their values.
Arguments without_flags(const Arguments& arguments, const std::vector<std::string>& flags);

}  // namespace reverie
