#include "runs/gymnasium.h"

#include <algorithm>
#include <iterator>

#include "core/json.h"
#include "envs/registry.h"

namespace reverie {
namespace {

// Gymnasium 1.4.0, gymnasium/envs/__init__.py.
struct Counterpart {
  const char* ours;
  const char* id;
  const char* entry_point;
};
constexpr Counterpart kCounterparts[] = {
    {"half-cheetah", "HalfCheetah-v5", "gymnasium.envs.mujoco.half_cheetah_v5:HalfCheetahEnv"},
    {"car-racing", "CarRacing-v3", "gymnasium.envs.box2d.car_racing:CarRacing"}};

// All options except episode limits, which Gymnasium's description contains.
bool has_defaults(const EnvSpec& spec, EnvConfig& config) {
  const std::unique_ptr<EnvConfig> fresh = find_env(spec.id).config();
  ConfigFields fields, defaults;
  config.describe(fields);
  fresh->describe(defaults);
  return std::all_of(fields.all().begin(), fields.all().end(), [&](const ConfigField& field) {
    const ConfigField* usual = defaults.find(field.name);
    return field.name == "max_steps" || field.name == "time_limit" ||
           (usual != nullptr && usual->text() == field.text());
  });
}

}  // namespace

std::string gymnasium_env_spec(const EnvSpec& spec, EnvConfig& config) {
  const auto* const found =
      std::find_if(std::begin(kCounterparts), std::end(kCounterparts),
                   [&](const Counterpart& counterpart) { return counterpart.ours == spec.id; });
  if (found == std::end(kCounterparts) || !has_defaults(spec, config)) return "";
  return Json(Json::Object{{"id", found->id},
                           {"entry_point", found->entry_point},
                           {"reward_threshold", nullptr},
                           {"nondeterministic", false},
                           {"max_episode_steps", spec.max_steps},
                           {"order_enforce", true},
                           {"disable_env_checker", false},
                           {"kwargs", Json::Object()},
                           {"additional_wrappers", Json::List()},
                           {"vector_entry_point", nullptr}})
      .dump();
}

}  // namespace reverie
