#include <algorithm>
#include <cstdio>
#include <iostream>

#include "apps/command.h"
#include "apps/failure.h"
#include "core/interrupt.h"
#include "core/process.h"
#include "envs/registry.h"

namespace {

const std::vector<reverie::Command> kCommands = {
    {"train", "train an agent in an environment, or resume a run", &reverie::train_command},
    {"evaluate", "run a trained policy for whole episodes and report its returns",
     &reverie::evaluate_command},
    {"render", "film a trained policy: mp4, gif or png frames", &reverie::render_command},
    {"decoder", "draw what a world model knows and imagines", &reverie::decoder_command},
    {"collect", "gather episodes into a dataset", &reverie::collect_command},
    {"dataset", "look at, check, convert, split and merge datasets", &reverie::dataset_command},
    {"rollout", "replay recorded actions and record what comes of them", &reverie::rollout_command},
    {"probe", "read the state out of the latents of a world model", &reverie::probe_command},
    {"surprise", "measure how surprised a world model is by impossible events",
     &reverie::surprise_command},
    {"plot", "draw metrics of runs over their steps", &reverie::plot_command},
    {"report", "make the table of a study out of the records of its runs",
     &reverie::report_command},
    {"list", "what there is: envs, agents, worldmodels", &reverie::list_command},
    {"config", "print the options of an agent and an environment as TOML",
     &reverie::config_command},
    {"bench", "measure speed on this machine: envs, replay, update, plan", &reverie::bench_command},
};

void print_help() {
  std::cout << "Reverie " REVERIE_VERSION
               ": reinforcement learning and world models without Python.\n\n"
               "usage: reverie COMMAND ...      (reverie COMMAND --help says more)\n\n";
  for (const reverie::Command& command : kCommands) {
    std::cout << fmt::format("  {:<10} {}\n", command.name, command.summary);
  }
  std::cout << "\nA first run, from training to a video:\n\n"
               "  reverie train    --env maze2d-umaze-dense --agent ddpg --run runs/first\n"
               "  reverie evaluate runs/first\n"
               "  reverie render   runs/first --out first.mp4\n";
}

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
  if (arguments.empty() || arguments[0] == "--help" || arguments[0] == "-h" ||
      arguments[0] == "help") {
    print_help();
    return 0;
  }
  if (arguments[0] == "--version") {
    std::cout << "reverie " REVERIE_VERSION "\n";
    return 0;
  }
  std::vector<std::string> known;
  for (const reverie::Command& command : kCommands) {
    if (command.name == arguments[0]) {
      return command.run(with_ids({arguments.begin() + 1, arguments.end()}));
    }
    known.push_back(command.name);
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
