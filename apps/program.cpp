#include "apps/program.h"

#include <algorithm>
#include <cstdio>
#include <iostream>

#include "apps/overview.h"
#include "core/interrupt.h"
#include "core/process.h"
#include "envs/registry.h"

namespace reverie {
namespace {

// The status that shells report for a program killed by SIGPIPE: `reverie list envs | head -1` is
// no failure that needs a message.
constexpr int kNoReaderStatus = 128 + 13;

// Replaces aliases given to --env by the environments' own ids.
Arguments with_ids(Arguments arguments) {
  const auto resolve = [](std::string_view name) {
    for (const EnvEntry& entry : env_registry()) {
      const auto& aliases = entry.aliases;
      if (std::find(aliases.begin(), aliases.end(), name) != aliases.end()) return entry.id;
    }
    return std::string(name);
  };
  constexpr std::string_view kFlag = "--env";
  for (size_t i = 0; i < arguments.size(); ++i) {
    std::string& argument = arguments[i];
    if (argument == kFlag && i + 1 < arguments.size()) {
      arguments[i + 1] = resolve(arguments[i + 1]);
    } else if (argument.starts_with(kFlag) && argument[kFlag.size()] == '=') {
      argument = "--env=" + resolve(argument.substr(kFlag.size() + 1));
    }
  }
  return arguments;
}

}  // namespace

int run_command(const CommandTable& commands, const Arguments& arguments) {
  for (const auto& [name, command] : commands) {
    if (name == arguments[0]) return command(with_ids({arguments.begin() + 1, arguments.end()}));
  }
  std::vector<std::string> known;
  for (const CommandSummary& command : command_summaries()) known.push_back(command.name);
  fail_unknown_name("command", arguments[0], known);
}

int run_program(int argc, char** argv, const std::function<int(const Arguments&)>& run,
                const ExplainFailure& explain) {
  prepare_process();
  catch_stop_signals();
  try {
    const int status = run({argv + 1, argv + argc});
    std::cout.flush();
    if (!std::cout.good() && output_has_no_reader()) return kNoReaderStatus;
    REVERIE_CHECK_RUN(std::cout.good(), "standard output: cannot write; is the disk full?");
    return status;
  } catch (const Interrupted&) {
    std::fputs("reverie: interrupted; what was being written is removed\n", stderr);
    return kInterruptedStatus;
  } catch (const std::exception& error) {
    const Failure failure = describe_failure(error, explain);
    std::fprintf(stderr, "reverie: %s\n", failure.message.c_str());
    return failure.status;
  }
}

}  // namespace reverie
