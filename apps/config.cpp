#include <iostream>

#include "agents/run_config.h"
#include "apps/command.h"

namespace reverie {

int config_command(const Arguments& arguments) {
  std::string agent;
  std::string env = "maze2d-umaze-dense";
  bool preset = false;
  CommandLine line("config",
                   "Prints every option of a run with its default, as a TOML file that\n"
                   "`reverie train --config` reads.");
  line.add("--agent", agent, {.help = "agent name (reverie list agents)", .required = true});
  line.add("--env", env, {.help = "environment id (reverie list envs)"});
  line.add("--preset", preset, {.help = "include the preset of this pair, if there is one"});
  if (!line.parse(arguments)) return 0;
  const auto config = make_run_config(env, agent);
  if (const auto file = find_preset(env, agent); preset && !file.empty()) {
    config->fields().load_toml(file);
  }
  std::cout << config->fields().to_toml();
  return 0;
}

}  // namespace reverie
