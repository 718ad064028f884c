#include "agents/controller/controller_agent.h"

#include "core/random.h"
#include "envs/registry.h"
#include "nn/pch.h"

namespace reverie {
namespace {

// Null where the environment has none of that name.
const ControllerEntry* find_controller(const EnvEntry& env, const std::string& name) {
  for (const ControllerEntry& entry : env.controllers) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

class ControllerPolicy final : public Policy {
 public:
  ControllerPolicy(const ControllerEntry& entry, std::unique_ptr<Env> env, uint64_t seed)
      : entry_(entry),
        env_(std::move(env)),
        seed_(seed),
        action_(action_field(env_->spec().action)) {
    std::vector<std::vector<std::byte>> memory;
    std::vector<FieldView> views;
    for (const Field& field : env_->spec().observation) {
      memory.emplace_back(field.bytes());
      views.push_back({&field, memory.back().data(), 1});
    }
    env_->reset(0, views);
    make_controllers(1);  // what does not suit is found here
  }

  at::Tensor act(const TensorMap& obs, ActMode /*mode*/) override {
    std::vector<at::Tensor> tensors;
    std::vector<ConstFieldView> views;
    for (const Field& field : env_->spec().observation) {
      tensors.push_back(obs.at(field.name).contiguous());
      views.push_back(view_of(field, tensors.back()));
    }
    const int64_t count = views.front().count;
    make_controllers(count);
    std::vector<int64_t> shape = action_.shape;
    shape.insert(shape.begin(), count);
    at::Tensor actions = at::empty(shape, scalar_type(action_.dtype));
    const FieldView out{&action_, static_cast<std::byte*>(actions.mutable_data_ptr()), count};
    std::vector<ConstFieldView> row(views.size());
    for (int64_t i = 0; i < count; ++i) {
      for (size_t f = 0; f < views.size(); ++f) row[f] = views[f].row(i);
      controllers_[static_cast<size_t>(i)]->act(row, out.row(i));
    }
    return actions;
  }

  void on_episode_start(const at::Tensor& env_mask) override {
    const at::Tensor mask = env_mask.contiguous();
    make_controllers(mask.numel());
    const bool* started = mask.const_data_ptr<bool>();
    for (int64_t i = 0; i < mask.numel(); ++i) {
      if (started[i]) controllers_[static_cast<size_t>(i)]->reset();
    }
  }

 private:
  void make_controllers(int64_t at_least) {
    while (static_cast<int64_t>(controllers_.size()) < at_least) {
      controllers_.push_back(entry_.make(*env_, mix_seed({seed_, controllers_.size()})));
    }
  }

  const ControllerEntry& entry_;
  std::unique_ptr<Env> env_;  // what the controllers are made from
  uint64_t seed_;
  Field action_;
  std::vector<std::unique_ptr<Controller>> controllers_;  // of row i
};

AgentEntry controller_entry(const std::string& name, std::string summary) {
  const auto make = [name](const EnvMaker& make_env, uint64_t seed) {
    return make_controller_policy(name, make_env, seed);
  };
  return untrained_entry(name, std::move(summary), {.make = make, .reads_state = true});
}

}  // namespace

std::unique_ptr<Policy> make_controller_policy(const std::string& name, const EnvMaker& make,
                                               uint64_t seed) {
  std::unique_ptr<Env> env = make();
  const EnvEntry& entry = find_env(env->spec().id);
  const ControllerEntry* controller = find_controller(entry, name);
  if (controller == nullptr) {
    std::string known;
    for (const EnvEntry& other : env_registry()) {
      if (find_controller(other, name) != nullptr) known += (known.empty() ? "" : ", ") + other.id;
    }
    fail_input("{} comes without a {} controller; these have one: {}", entry.id, name, known);
  }
  return std::make_unique<ControllerPolicy>(*controller, std::move(env), seed);
}

AgentEntry scripted_entry() {
  return controller_entry("scripted", "the driver that comes with car-racing, a yardstick");
}

AgentEntry waypoint_entry() {
  return controller_entry("waypoint", "D4RL's controller, in point mazes to their own goal");
}

}  // namespace reverie
