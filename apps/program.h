#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "apps/command.h"
#include "apps/failure.h"

namespace reverie {

// Names and functions of subcommands.
using CommandTable = std::vector<std::pair<std::string, int (*)(const Arguments&)>>;

// Runs the subcommand that the first argument names with the other arguments, in which environments
// have their own ids instead of their aliases. Throws Error(kInput) that lists all subcommands of
// `reverie` for a name that the table does not have.
int run_command(const CommandTable& commands, const Arguments& arguments);

// The main() of a program: calls `run`, which returns the exit status, with the program's
// arguments. Stop signals interrupt it, and exceptions become messages on stderr (failure.h).
// explain: see describe_failure().
int run_program(int argc, char** argv, const std::function<int(const Arguments&)>& run,
                const ExplainFailure& explain = {});

}  // namespace reverie
