// The program `reverie`: answers at once what needs no learning, and leaves everything else to
// `reverie-main` beside it. Loading LibTorch alone takes that program half a second.

#include <cstdio>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include <unistd.h>

#include "apps/list_envs.h"
#include "apps/overview.h"
#include "core/error.h"
#include "core/process.h"

namespace {

// Whether it answered. What cannot be printed or is wrong is left to the other program, which says
// why.
bool answer(const std::vector<std::string>& arguments) {
  using List = std::vector<std::string>;
  if (reverie::asks_for_overview(arguments)) {
    reverie::print_overview();
  } else if (arguments == List{"--version"}) {
    std::cout << "reverie " REVERIE_VERSION "\n";
  } else if (arguments == List{"list", "envs"}) {
    reverie::print_envs();
  } else if (arguments == List{"list", "presets"}) {
    reverie::print_presets();
  } else if (arguments.size() == 3 && arguments[0] == "list" && arguments[1] == "factors") {
    reverie::print_factors(arguments[2]);
  } else {
    return false;
  }
  return std::cout.flush().good();
}

}  // namespace

int main(int argc, char** argv) {
  reverie::prepare_process();
  try {
    if (answer({argv + 1, argv + argc})) return 0;
  } catch (const reverie::Error&) {  // repeated and reported by the other program
  }
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::string program = self.parent_path() / "reverie-main";
  execv(program.c_str(), argv);
  std::fprintf(stderr, "reverie: %s: cannot be run; build Reverie again\n", program.c_str());
  return 1;
}
