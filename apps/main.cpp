#include <algorithm>
#include <cstdio>
#include <iostream>

#include "apps/command.h"
#include "apps/failure.h"
#include "apps/overview.h"
#include "core/interrupt.h"
#include "core/process.h"
#include "envs/registry.h"

namespace {

const std::vector<std::pair<std::string, int (*)(const reverie::Arguments&)>> kCommands = {
    {"train", &reverie::train_command},       {"evaluate", &reverie::evaluate_command},
    {"render", &reverie::render_command},     {"decoder", &reverie::decoder_command},
    {"collect", &reverie::collect_command},   {"dataset", &reverie::dataset_command},
    {"rollout", &reverie::rollout_command},   {"probe", &reverie::probe_command},
    {"surprise", &reverie::surprise_command}, {"plot", &reverie::plot_command},
    {"report", &reverie::report_command},     {"list", &reverie::list_command},
    {"config", &reverie::config_command},     {"bench", &reverie::bench_command},
};

// Replaces aliases given to --env by the environments' own ids.
reverie::Arguments with_ids(reverie::Arguments arguments) {
  const auto resolve = [](std::string_view name) {
    for (const reverie::EnvEntry& entry : reverie::env_registry()) {
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

int run(const reverie::Arguments& arguments) {
  if (reverie::asks_for_overview(arguments)) {
    reverie::print_overview();
    return 0;
  }
  if (arguments[0] == "--version") {
    std::cout << "reverie " REVERIE_VERSION "\n";
    return 0;
  }
  std::vector<std::string> known;
  for (const auto& [name, command] : kCommands) {
    if (name == arguments[0]) return command(with_ids({arguments.begin() + 1, arguments.end()}));
    known.push_back(name);
  }
  reverie::fail_unknown_name("command", arguments[0], known);
}

}  // namespace

// The status that shells report for a program killed by SIGPIPE: `reverie list envs | head -1` is
// no failure that needs a message.
constexpr int kNoReaderStatus = 128 + 13;

int main(int argc, char** argv) {
  reverie::prepare_process();
  reverie::catch_stop_signals();
  try {
    const int status = run({argv + 1, argv + argc});
    std::cout.flush();
    if (!std::cout.good() && reverie::output_has_no_reader()) return kNoReaderStatus;
    REVERIE_CHECK_RUN(std::cout.good(), "standard output: cannot write; is the disk full?");
    return status;
  } catch (const reverie::Interrupted&) {
    std::fputs("reverie: interrupted; what was being written is removed\n", stderr);
    return reverie::kInterruptedStatus;
  } catch (const std::exception& error) {
    const reverie::Failure failure = reverie::describe_failure(error);
    std::fprintf(stderr, "reverie: %s\n", failure.message.c_str());
    return failure.status;
  }
}
