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

  const auto print = [](const auto& registry) {
    std::vector<std::vector<std::string>> rows;
    for (const auto& entry : registry) rows.push_back({entry.name, entry.summary});
    print_table(rows);
  };
  if (what == "envs") {
    print_envs();
  } else if (what == "agents") {
    print(agent_registry());
  } else if (what == "presets") {
    print_presets();
  } else if (what == "worldmodels") {
    print(jepa_architectures());
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
