#include "agents/registry.h"
#include "apps/command.h"
#include "apps/list_envs.h"
#include "worldmodel/jepa/jepa.h"

namespace reverie {

int list_command(const Arguments& arguments) {
  std::string what;
  std::string env;
  CommandLine line("list",
                   "Lists environments, agents, presets, world models, or of an environment its "
                   "factors, or what "
                   "--reward can name.");
  line.add("WHAT", what,
           {.help = "what to list: envs, agents, presets, worldmodels, factors or rewards",
            .required = true});
  line.add("ENV", env,
           {.help = "with factors or rewards: the environment whose --vary, --set and --reward can "
                    "name them"});
  if (!line.parse(arguments)) return 0;
  const bool is_of_env = what == "factors" || what == "rewards";
  REVERIE_CHECK(env.empty() || is_of_env, "list {}: unexpected argument '{}'", what, env);

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
  } else if (is_of_env) {
    REVERIE_CHECK(!env.empty(),
                  "list {}: no environment given, expected an id after it (reverie list envs)",
                  what);
    (what == "factors" ? print_factors : print_rewards)(env);
  } else {
    fail_unknown_name("list", what,
                      {"envs", "agents", "presets", "worldmodels", "factors", "rewards"});
  }
  return 0;
}

}  // namespace reverie
