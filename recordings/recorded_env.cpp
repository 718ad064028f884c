#include "recordings/recorded_env.h"

#include <algorithm>

#include "core/error.h"
#include "core/file.h"
#include "envs/registry.h"
#include "envs/wrappers/wrapped_config.h"

namespace reverie {
namespace {

constexpr size_t kMostFileBytes = size_t{1} << 20;  // of an option

ConfigFields environment_fields(EnvConfig& config) {
  ConfigFields fields;
  fields.section("environment");
  config.describe(fields);
  return fields;
}

// The option as text. A file's name is replaced by its content, which several lines already are.
std::string content_of(const ConfigField& field) {
  if (!field.is_file) return field.text();
  const std::string& value = *std::get<std::string*>(field.value);
  const bool is_name = !value.empty() && value.find('\n') == std::string::npos;
  return is_name ? read_file(value, kMostFileBytes) : value;
}

// The option's value in messages.
std::string shown(const ConfigField& field) {
  const std::string text = field.text();
  const bool is_content = field.is_file && text.find("\\u000a") != std::string::npos;
  return is_content ? fmt::format("its own {}", field.name) : text;
}

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

std::string portable_options(EnvConfig& config) {
  const ConfigFields fields = environment_fields(config);
  std::vector<std::pair<std::string*, std::string>> names;
  for (const ConfigField& field : fields.all()) {
    if (!field.is_file) continue;
    std::string& value = *std::get<std::string*>(field.value);
    names.emplace_back(&value, value);
    value = content_of(field);
  }
  std::string text = fields.to_toml();
  for (auto& [value, name] : names) *value = std::move(name);
  return text;
}

std::unique_ptr<EnvConfig> recorded_environment(const Dataset& dataset, const std::string& env) {
  const auto& attributes = dataset.schema().attributes;
  const auto recorded = attributes.find("env");
  const bool is_named = recorded != attributes.end();
  REVERIE_CHECK(is_named || !env.empty(), "{}: does not name its environment; give --env ID",
                dataset.path());
  const bool is_recorded = is_named && (env.empty() || env == recorded->second);
  std::unique_ptr<EnvConfig> config = find_env(is_recorded ? recorded->second : env).config();
  if (!attributes.contains("config") || !names_known_environment(dataset)) return config;
  std::unique_ptr<EnvConfig> collected =
      is_recorded ? std::move(config) : find_env(recorded->second).config();
  environment_fields(*collected)
      .load_toml_text(attributes.at("config"), dataset.path() + ": attribute 'config'");
  if (is_recorded) return collected;
  copy_wrappers(*collected, *config);
  return config;
}

std::unique_ptr<EnvConfig> dataset_environment(const Dataset& dataset, const std::string& env) {
  std::unique_ptr<EnvConfig> config = recorded_environment(dataset, env);
  leave_out_pictures(*config);
  return config;
}

bool names_known_environment(const Dataset& dataset) {
  const auto& attributes = dataset.schema().attributes;
  const auto named = attributes.find("env");
  const std::vector<EnvEntry>& all = env_registry();
  return named != attributes.end() &&
         std::any_of(all.begin(), all.end(),
                     [&](const EnvEntry& entry) { return entry.id == named->second; });
}

std::vector<std::string> take_recorded_options(
    const Dataset& dataset, const std::string& id, EnvConfig& env,
    const std::function<bool(const std::string&)>& is_given) {
  const auto& attributes = dataset.schema().attributes;
  const auto named = attributes.find("env");
  if (named == attributes.end() || named->second != id || !attributes.contains("config")) return {};
  const std::unique_ptr<EnvConfig> recorded = recorded_environment(dataset, "");
  const ConfigFields theirs = environment_fields(*recorded), ours = environment_fields(env);
  const bool sees_pictures = *std::get<std::string*>(ours.find("observation")->value) != "state";
  std::vector<std::pair<const ConfigField*, const ConfigField*>> taken;
  for (const ConfigField& own : ours.all()) {
    if (own.name == "observation") continue;
    const bool is_of_pictures = is_one_of(own.name, {"image_size", "crop", "resize", "grey"});
    if (is_of_pictures && !sees_pictures) continue;
    const ConfigField& other = *theirs.find(own.name);
    if (own.text() == other.text() || content_of(own) == content_of(other)) continue;
    if (is_given(own.name)) {
      if (is_one_of(own.name, {"max_steps", "time_limit"})) continue;
      fail_input("{} {}: {} was collected with {}; leave the flag out, or collect with it",
                 own.flag(), shown(own), dataset.path(), shown(other));
    }
    taken.emplace_back(&own, &other);
  }
  std::vector<std::string> changes;
  for (const auto& [own, other] : taken) {
    own->take(*other);
    changes.push_back(fmt::format("{} = {}", own->name, shown(*own)));
  }
  return changes;
}

}  // namespace reverie
