#include "apps/collect_presets.h"

#include <algorithm>

namespace reverie {
namespace {

struct Preset {
  std::string name;
  std::string env;
  std::string steps;
};

// D4RL's maze2d datasets: the sizes are those of its files, the noise that of its generator
// (scripts/generation/generate_maze2d_datasets.py).
constexpr const char* kNoise = "0.5";

const std::vector<Preset>& presets() {
  static const std::vector<Preset> list = {
      {"maze2d-umaze-v1", "maze2d-umaze", "1000000"},
      {"maze2d-medium-v1", "maze2d-medium", "2000000"},
      {"maze2d-large-v1", "maze2d-large", "4000000"},
      {"maze2d-umaze-dense-v1", "maze2d-umaze-dense", "1000000"},
      {"maze2d-medium-dense-v1", "maze2d-medium-dense", "2000000"},
      {"maze2d-large-dense-v1", "maze2d-large-dense", "4000000"},
  };
  return list;
}

const Preset& find_preset(const std::string& name) {
  std::vector<std::string> known;
  for (const Preset& preset : presets()) {
    if (preset.name == name) return preset;
    known.push_back(preset.name);
  }
  fail_unknown_name("preset of collect", name, known);
}

}  // namespace

std::vector<std::pair<std::string, std::string>> collect_preset(const std::string& name) {
  const Preset& preset = find_preset(name);
  return {{"--env", preset.env},
          {"--policy", "waypoint"},
          {"--steps", preset.steps},
          {"--noise", kNoise}};
}

Arguments expand_collect_preset(const Arguments& arguments) {
  const std::string name = peek_flag(arguments, "--preset");
  if (name.empty()) return arguments;
  Arguments all = arguments;
  for (const auto& [flag, value] : collect_preset(name)) {
    const bool given = std::any_of(
        arguments.begin(), arguments.end(),
        [&, &flag = flag](const std::string& a) { return a == flag || a.starts_with(flag + "="); });
    if (!given) all.insert(all.end(), {flag, value});
  }
  return all;
}

std::string collect_presets() {
  std::string names;
  for (const Preset& preset : presets()) names += (names.empty() ? "" : ", ") + preset.name;
  return names;
}

}  // namespace reverie
