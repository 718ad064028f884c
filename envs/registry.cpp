#include "envs/registry.h"

#include "envs/ant_maze/ant_maze.h"
#include "envs/car_racing/car_racing.h"
#include "envs/cheetah/cheetah.h"
#include "envs/maze2d/maze2d.h"
#include "envs/wrappers/wrapped_config.h"

namespace reverie {

// An explicit table: static initialisers that registered themselves would be dropped by the linker.
const std::vector<EnvEntry>& env_registry() {
  static const std::vector<EnvEntry> registry = [] {
    std::vector<EnvEntry> all;
    for (const auto& environments : {
             &car_racing::environments,
             &cheetah::environments,
             &maze2d::environments,
             &ant_maze::environments,
         }) {
      for (EnvEntry& entry : environments()) {
        all.push_back(with_wrappers(std::move(entry)));
      }
    }
    return all;
  }();
  return registry;
}

const EnvEntry& find_env(std::string_view id) {
  std::vector<std::string> known;
  for (const EnvEntry& entry : env_registry()) {
    if (entry.id == id) return entry;
    known.push_back(entry.id);
  }
  fail_unknown_name("environment", id, known);
}

}  // namespace reverie
