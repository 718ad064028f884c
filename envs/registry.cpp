#include "envs/registry.h"

#include <algorithm>
#include <deque>
#include <map>

#include "envs/ant_maze/ant_maze.h"
#include "envs/car_racing/car_racing.h"
#include "envs/cheetah/cheetah.h"
#include "envs/grid_maze/grid_maze.h"
#include "envs/maze2d/maze2d.h"
#include "envs/wrappers/wrapped_config.h"

namespace reverie {

// An explicit table: the linker would drop static initialisers that registered themselves.
const std::vector<EnvEntry>& env_registry() {
  static const std::vector<EnvEntry> registry = [] {
    std::vector<EnvEntry> all;
    for (const auto& environments : {
             &car_racing::environments,
             &cheetah::environments,
             &maze2d::environments,
             &ant_maze::environments,
             &grid_maze::environments,
         }) {
      for (EnvEntry& entry : environments()) {
        all.push_back(with_wrappers(std::move(entry)));
      }
    }
    return all;
  }();
  return registry;
}

namespace {

// Entries that the program added. A deque, so that entries keep their addresses.
struct Additions {
  std::deque<EnvEntry> entries;
  std::map<std::string, std::function<EnvEntry(std::string_view)>, std::less<>> schemes;
};

Additions& additions() {
  static Additions added;
  return added;
}

const EnvEntry* find_known(std::string_view id) {
  const auto is_it = [&](const EnvEntry& entry) {
    return entry.id == id ||
           std::find(entry.aliases.begin(), entry.aliases.end(), id) != entry.aliases.end();
  };
  const std::vector<EnvEntry>& all = env_registry();
  if (const auto found = std::find_if(all.begin(), all.end(), is_it); found != all.end()) {
    return &*found;
  }
  const std::deque<EnvEntry>& added = additions().entries;
  const auto found = std::find_if(added.begin(), added.end(), is_it);
  return found == added.end() ? nullptr : &*found;
}

}  // namespace

const EnvEntry& find_env(std::string_view id) {
  if (const EnvEntry* known = find_known(id); known != nullptr) return *known;
  Additions& added = additions();
  if (const size_t colon = id.find(':'); colon != std::string_view::npos) {
    const auto scheme = added.schemes.find(id.substr(0, colon));
    if (scheme != added.schemes.end()) {
      add_environment(scheme->second(id.substr(colon + 1)));
      return added.entries.back();
    }
  }
  std::vector<std::string> known;  // those of the program first: a long list is cut off
  for (const auto& [scheme, resolve] : added.schemes) known.push_back(scheme + ":...");
  for (const EnvEntry& entry : added.entries) known.push_back(entry.id);
  for (const EnvEntry& entry : env_registry()) known.push_back(entry.id);
  fail_unknown_name("environment", id, known);
}

void add_environment(EnvEntry entry) {
  REVERIE_CHECK(find_known(entry.id) == nullptr, "environment '{}' exists already", entry.id);
  additions().entries.push_back(with_wrappers(std::move(entry)));
}

void add_environments(std::string scheme, std::function<EnvEntry(std::string_view rest)> resolve) {
  const bool is_new = additions().schemes.emplace(scheme, std::move(resolve)).second;
  REVERIE_CHECK(is_new, "environments '{}:...' exist already", scheme);
}

}  // namespace reverie
