#include <algorithm>
#include <iostream>

#include <fmt/ranges.h>

#include "agents/registry.h"
#include "apps/command.h"
#include "envs/registry.h"
#include "worldmodel/jepa/jepa.h"

namespace reverie {
namespace {

// A value in the form of `--set NAME=VALUE`, unless the task decides it.
std::string value_text(const Factor& factor, const std::vector<double>& value) {
  if (value.empty()) return "the task's";
  switch (factor.kind) {
    case Factor::Kind::kColor:
      return fmt::format("#{:02x}{:02x}{:02x}", static_cast<int>(value[0]),
                         static_cast<int>(value[1]), static_cast<int>(value[2]));
    case Factor::Kind::kPoint:
      return fmt::format("{:g}/{:g}", value[0], value[1]);
    case Factor::Kind::kChoice:
      return factor.choices[static_cast<size_t>(value[0])];
    default:
      return fmt::format("{:g}", value[0]);
  }
}

std::vector<std::string> factor_row(const Factor& factor) {
  const auto ends = [&] {
    return fmt::format("{} .. {}", value_text(factor, factor.low), value_text(factor, factor.high));
  };
  const char* changes = factor.dynamics ? "dynamics" : "picture";
  switch (factor.kind) {
    case Factor::Kind::kColor:
      return {factor.name, "colour", value_text(factor, factor.value), "any", changes, factor.help};
    case Factor::Kind::kPoint:
      return {factor.name, "point", value_text(factor, factor.value), ends(), changes, factor.help};
    case Factor::Kind::kChoice:
      return {factor.name,
              "choice",
              value_text(factor, factor.value),
              fmt::format("{}", fmt::join(factor.choices, "|")),
              changes,
              factor.help};
    default:
      return {factor.name, "number", value_text(factor, factor.value),
              ends(),      changes,  factor.help};
  }
}

void print_factors(const std::string& env) {
  const std::vector<Factor> factors = find_env(env).config()->factors();
  if (factors.empty()) {
    std::cout << fmt::format("{} has no factors of variation\n", env);
    return;
  }
  std::vector<std::vector<std::string>> rows = {
      {"name", "kind", "default", "range", "changes", "help"}};
  for (const Factor& factor : factors) rows.push_back(factor_row(factor));
  std::vector<size_t> widths(rows[0].size());
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const auto& row : rows) {
    for (size_t i = 0; i + 1 < row.size(); ++i) {
      std::cout << fmt::format("{:<{}}  ", row[i], widths[i]);
    }
    std::cout << row.back() << "\n";
  }
}

// The last column: the environment's names in other libraries.
void print_envs() {
  size_t width = 0, summary = 0;
  for (const EnvEntry& entry : env_registry()) {
    width = std::max(width, entry.id.size());
    summary = std::max(summary, entry.summary.size());
  }
  for (const EnvEntry& entry : env_registry()) {
    const std::string line = fmt::format("{:<{}}  {:<{}}  {}", entry.id, width, entry.summary,
                                         summary, fmt::join(entry.aliases, ", "));
    std::cout << line.substr(0, line.find_last_not_of(' ') + 1) << "\n";
  }
}

}  // namespace

int list_command(const Arguments& arguments) {
  std::string what;
  std::string env;
  CommandLine line("list", "Lists what there is.");
  line.add("WHAT", what, {.help = "envs, agents, worldmodels or factors", .required = true});
  line.add("ENV", env, {.help = "factors: of this environment, for --vary and --set"});
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
  } else if (what == "worldmodels") {
    print(jepa_architectures(), [](const JepaArchitecture& entry) { return entry.name; });
  } else if (what == "factors") {
    REVERIE_CHECK(!env.empty(),
                  "list factors: of which environment? Expected an id behind it "
                  "(reverie list envs)");
    print_factors(env);
  } else {
    fail_unknown_name("list", what, {"envs", "agents", "worldmodels", "factors"});
  }
  return 0;
}

}  // namespace reverie
