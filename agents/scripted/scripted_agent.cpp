#include "agents/scripted/scripted_agent.h"

#include "agents/pch.h"
#include "envs/registry.h"

namespace reverie {
namespace {

class ScriptedPolicy final : public Policy {
 public:
  ScriptedPolicy(const EnvSpec& spec, const EnvEntry& entry)
      : observation_(spec.field("observation")),
        action_(action_field(spec.action)),
        controller_(entry.controller) {}

  at::Tensor act(const TensorMap& obs, ActMode /*mode*/) override {
    const at::Tensor observation = obs.at("observation").contiguous();
    const ConstFieldView rows = view_of(observation_, observation);
    std::vector<int64_t> shape = action_.shape;
    shape.insert(shape.begin(), rows.count);
    at::Tensor actions = at::empty(shape, scalar_type(action_.dtype));
    const FieldView out{&action_, static_cast<std::byte*>(actions.mutable_data_ptr()), rows.count};
    for (int64_t i = 0; i < rows.count; ++i) controller_(rows.row(i), out.row(i));
    return actions;
  }

 private:
  Field observation_;
  Field action_;
  void (*controller_)(ConstFieldView, FieldView);
};

struct ScriptedConfig final : AgentConfig {
  void describe(ConfigFields& /*fields*/) override {}
  std::unique_ptr<Agent> make(const EnvSpec& /*spec*/, at::Device /*device*/,
                              uint64_t /*seed*/) const override {
    fail_input("agent 'scripted' has nothing to learn; try `reverie evaluate scripted --env ID`");
  }
};

}  // namespace

std::unique_ptr<Policy> make_scripted_policy(const EnvSpec& spec) {
  const EnvEntry& entry = find_env(spec.id);
  if (entry.controller == nullptr) {
    std::string known;
    for (const EnvEntry& other : env_registry()) {
      if (other.controller != nullptr) known += (known.empty() ? "" : ", ") + other.id;
    }
    fail_input("{} comes without a scripted controller; these have one: {}", spec.id, known);
  }
  bool has_state = false;
  for (const Field& field : spec.observation) has_state |= field.name == "observation";
  REVERIE_CHECK(has_state,
                "{}: the scripted controller reads the state, which is not observed; add "
                "--observation state or --observation both",
                spec.id);
  return std::make_unique<ScriptedPolicy>(spec, entry);
}

AgentEntry scripted_entry() {
  return {.name = "scripted",
          .summary = "the controller that comes with an environment, a yardstick (car-racing)",
          .learns = false,
          .config = [] { return std::make_unique<ScriptedConfig>(); }};
}

}  // namespace reverie
