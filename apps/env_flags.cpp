#include "apps/env_flags.h"

#include <algorithm>
#include <memory>
#include <vector>

#include <fmt/format.h>

#include "envs/registry.h"

namespace reverie {

void add_common_flags(CommandLine& line, const std::string& how) {
  const std::vector<EnvEntry>& all = env_registry();
  std::vector<std::unique_ptr<EnvConfig>> configs;
  std::vector<ConfigFields> fields;
  for (const EnvEntry& entry : all) {
    configs.push_back(entry.config());
    fields.emplace_back().section("environment");
    configs.back()->describe(fields.back());
  }
  const auto have_all = [&](const ConfigField& field) {
    return std::all_of(fields.begin(), fields.end(),
                       [&](const ConfigFields& each) { return each.find(field.name) != nullptr; });
  };
  const auto agree = [&](const ConfigField& field) {
    return std::all_of(fields.begin(), fields.end(), [&](const ConfigFields& each) {
      return each.find(field.name)->text() == field.text();
    });
  };
  for (const ConfigField& field : fields.front().all()) {
    if (!have_all(field)) continue;
    line.add_field(field);
    if (!agree(field)) line.set_default(field.flag(), "the environment's own");
  }
  line.add_note(fmt::format(
      "These are the options that every environment has. {} before --help shows those of one "
      "environment, with its defaults.",
      how));
}

}  // namespace reverie
