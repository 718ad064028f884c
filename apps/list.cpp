#include <algorithm>
#include <iostream>

#include "agents/registry.h"
#include "apps/command.h"
#include "apps/list_envs.h"
#include "worldmodel/jepa/jepa.h"

namespace reverie {

int list_command(const Arguments& arguments) {
  std::string what;
  std::string env;
  CommandLine line(
      "list",
      "Lists environments, agents, presets, world models, or the factors of an environment.");
  line.add(
      "WHAT", what,
      {.help = "what to list: envs, agents, presets, worldmodels or factors", .required = true});
  line.add("ENV", env,
           {.help = "with factors: the environment whose factors --vary and --set can name"});
  if (!line.parse(arguments)) return 0;
  REVERIE_CHECK(env.empty() || what == "factors", "list {}: unexpected argument '{}'", what, env);

  const auto print = [](const auto& registry, const auto& name_of) {
    size_t width = 0;
    for (const auto& entry : registry) width = std::max(width, name_of(entry).size());
    for (const auto& entry : registry) {
      std::cout << fmt::format("{:<{}}  {}\n", name_of(entry), width, entry.summary);
    }
  };
  if (what == "envs") {
    print_envs();
  } else if (what == "agents") {
    print(agent_registry(), [](const AgentEntry& entry) { return entry.name; });
  } else if (what == "presets") {
    print_presets();
  } else if (what == "worldmodels") {
    print(jepa_architectures(), [](const JepaArchitecture& entry) { return entry.name; });
  } else if (what == "factors") {
    REVERIE_CHECK(
        !env.empty(),
        "list factors: no environment given, expected an id after it (reverie list envs)");
    print_factors(env);
  } else {
    fail_unknown_name("list", what, {"envs", "agents", "presets", "worldmodels", "factors"});
  }
  return 0;
}

}  // namespace reverie
