#include <algorithm>
#include <iostream>

#include "agents/registry.h"
#include "apps/command.h"
#include "envs/registry.h"

namespace reverie {

int list_command(const Arguments& arguments) {
  std::string what;
  CommandLine line("list", "Lists what there is.");
  line.app().add_option("WHAT", what, "envs or agents")->required();
  if (!line.parse(arguments)) return 0;

  const auto print = [](const auto& registry, const auto& name_of) {
    size_t width = 0;
    for (const auto& entry : registry) width = std::max(width, name_of(entry).size());
    for (const auto& entry : registry) {
      std::cout << fmt::format("{:<{}}  {}\n", name_of(entry), width, entry.summary);
    }
  };
  if (what == "envs") {
    print(env_registry(), [](const EnvEntry& entry) { return entry.id; });
  } else if (what == "agents") {
    print(agent_registry(), [](const AgentEntry& entry) { return entry.name; });
  } else {
    fail_unknown_name("list", what, {"envs", "agents"});
  }
  return 0;
}

}  // namespace reverie
