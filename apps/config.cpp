#include <iostream>

#include "agents/run_config.h"
#include "apps/command.h"

namespace reverie {

int config_command(const Arguments& arguments) {
  std::string agent;
  std::string env = "maze2d-umaze-dense";
  CommandLine line("config",
                   "Prints every option of a run with its default, as a TOML file that\n"
                   "`reverie train --config` reads.");
  line.app().add_option("--agent", agent, "agent name (reverie list agents)")->required();
  line.app().add_option("--env", env, "environment id (reverie list envs)");
  if (!line.parse(arguments)) return 0;
  const auto config = make_run_config(env, agent);
  if (const auto preset = find_preset(env, agent); !preset.empty()) {
    config->fields().load_toml(preset);
  }
  std::cout << config->fields().to_toml();
  return 0;
}

}  // namespace reverie
