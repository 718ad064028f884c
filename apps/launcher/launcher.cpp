// The program `reverie`: runs the commands that need no LibTorch, and leaves the others to
// `reverie-main` beside it. Loading LibTorch takes that program half a second.

#include <cstdio>
#include <fstream>
#include <iostream>

#include <unistd.h>

#include "apps/answers.h"
#include "apps/list_envs.h"
#include "apps/overview.h"

namespace {

using reverie::Arguments;

const reverie::CommandTable kCommands = {
    {"dataset", &reverie::dataset_command},
    {"rollout", &reverie::rollout_command},
};

// The function that runs these arguments here; none for those of the other program, which also
// reports what is wrong with them.
std::function<int(const Arguments&)> find_command(const Arguments& arguments,
                                                  const std::filesystem::path& main_program) {
  const auto prints = [](auto print) { return [print](const Arguments&) { return print(), 0; }; };
  if (reverie::asks_for_overview(arguments)) return prints(&reverie::print_overview);
  if (arguments == Arguments{"--version"}) {
    return prints([] { std::cout << "reverie " REVERIE_VERSION "\n"; });
  }
  if (arguments == Arguments{"list", "envs"}) return prints(&reverie::print_envs);
  if (arguments == Arguments{"list", "presets"}) return prints(&reverie::print_presets);
  if (arguments.size() == 3 && arguments[0] == "list" && arguments[1] == "factors") {
    return prints([env = arguments[2]] { reverie::print_factors(env); });
  }
  if (arguments.size() == 3 && arguments[0] == "list" && arguments[1] == "rewards") {
    return prints([env = arguments[2]] { reverie::print_rewards(env); });
  }
  // A learnt reward is a network, which this program cannot evaluate.
  const bool is_learnt =
      arguments[0] == "dataset" && !reverie::peek_flag(arguments, "--reward-run").empty();
  if (is_learnt) return {};
  for (const auto& [name, command] : kCommands) {
    if (name == arguments[0]) {
      return [](const Arguments& given) { return reverie::run_command(kCommands, given); };
    }
  }
  if (const auto answer = reverie::find_answer(arguments, main_program)) {
    return prints([file = *answer] { std::cout << std::ifstream(file).rdbuf(); });
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  const std::filesystem::path main_program = reverie::program_folder() / "reverie-main";
  if (const auto command = find_command({argv + 1, argv + argc}, main_program)) {
    return reverie::run_program(argc, argv, command);
  }
  execv(main_program.c_str(), argv);
  std::fprintf(stderr, "reverie: %s: cannot be run; build Reverie again\n", main_program.c_str());
  return 1;
}
