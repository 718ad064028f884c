#include "apps/list_envs.h"

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/ranges.h>

#include "core/assets.h"
#include "core/file.h"
#include "envs/registry.h"
#include "envs/wrappers/formula_reward.h"

namespace reverie {
namespace {

constexpr size_t kMostPresetBytes = 1 << 20;

// The length of the environment's id in ID-AGENT, both of which may have dashes; 0 if there is
// none.
size_t id_length(std::string_view preset) {
  size_t longest = 0;
  for (const EnvEntry& entry : env_registry()) {
    if (preset.starts_with(entry.id + "-")) longest = std::max(longest, entry.id.size());
  }
  return longest;
}

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

}  // namespace

void print_table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths(rows.empty() ? 0 : rows[0].size());
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) line += fmt::format("{:<{}}  ", row[i], widths[i]);
    std::cout << line.substr(0, line.find_last_not_of(' ') + 1) << "\n";
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
  print_table(rows);
}

void print_rewards(const std::string& env) {
  const std::unique_ptr<Env> instance = find_env(env).config()->maker()();
  std::vector<std::vector<std::string>> rows = {{"name in a formula", "meaning"}};
  for (const auto& [name, help] : reward_names(*instance)) {
    // The numbers of one part in one row: "qpos_0 .. qpos_8".
    const std::string part = name.substr(0, name.find_last_of('_') + 1);
    if (!part.empty() && rows.back()[0].starts_with(part + "0") && rows.back()[1] == help) {
      rows.back()[0] = fmt::format("{}0 .. {}", part, name);
    } else {
      rows.push_back({name, help});
    }
  }
  print_table(rows);
  rows = {{"reward", "formula"}};
  for (const auto& [name, formula] : instance->physics()->named_rewards()) {
    rows.push_back({name, formula});
  }
  if (rows.size() == 1) return;
  std::cout << "\n";
  print_table(rows);
}

void print_envs() {
  std::vector<std::vector<std::string>> rows;
  for (const EnvEntry& entry : env_registry()) {
    rows.push_back({entry.id, entry.summary, fmt::format("{}", fmt::join(entry.aliases, ", "))});
  }
  print_table(rows);
}

void print_presets() {
  std::vector<std::vector<std::string>> rows;
  for (const auto& file : std::filesystem::directory_iterator(asset_path("presets"))) {
    const std::string name = file.path().stem().string();
    const size_t dash = id_length(name);
    if (file.path().extension() != ".toml" || dash == 0) continue;
    std::istringstream text(read_file(file.path(), kMostPresetBytes));
    std::string about, line;
    while (std::getline(text, line) && line.starts_with("# ")) {
      about += (about.empty() ? "" : " ") + line.substr(2);
    }
    rows.push_back({name.substr(0, dash), name.substr(dash + 1), about});
  }
  std::sort(rows.begin(), rows.end());
  print_table(rows);
}

}  // namespace reverie
