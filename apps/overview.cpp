#include "apps/overview.h"

#include <iostream>

#include <fmt/format.h>

namespace reverie {

const std::vector<CommandSummary>& command_summaries() {
  static const std::vector<CommandSummary> summaries = {
      {"train", "train an agent in an environment, or resume a run"},
      {"evaluate", "run a trained policy for whole episodes and report its returns"},
      {"render", "film a trained policy: mp4, gif or png frames"},
      {"decoder", "train and draw a decoder of a world model's latents"},
      {"collect", "gather episodes into a dataset"},
      {"dataset", "inspect, check, convert, split and merge datasets"},
      {"rollout", "replay recorded actions and record the results"},
      {"probe", "measure how well a world model's latents encode the state"},
      {"surprise", "measure how surprised a world model is by impossible events"},
      {"study", "compare and explain trained policies: pictures and numbers"},
      {"plot", "plot metrics of runs over their steps"},
      {"report", "make the table of a study from the records of its runs"},
      {"list", "list environments, agents, presets, world models, factors or rewards"},
      {"config", "print the options of an agent and an environment as TOML"},
      {"bench", "measure speed on this machine: envs, replay, update, train, plan"},
  };
  return summaries;
}

bool asks_for_overview(const std::vector<std::string>& arguments) {
  return arguments.empty() || arguments[0] == "--help" || arguments[0] == "-h" ||
         arguments[0] == "help";
}

void print_overview() {
  std::cout << "Reverie " REVERIE_VERSION
               ": reinforcement learning and world models without Python.\n\nusage: reverie "
               "COMMAND ...      (details: reverie COMMAND --help)\n\n";
  for (const CommandSummary& command : command_summaries()) {
    std::cout << fmt::format("  {:<10} {}\n", command.name, command.summary);
  }
  std::cout << "\nA first run, from training to a video:\n\n"
               "  reverie train    --env maze2d-umaze-dense --agent ddpg --run runs/first\n"
               "  reverie evaluate runs/first\n"
               "  reverie render   runs/first --out first.mp4\n";
}

}  // namespace reverie
