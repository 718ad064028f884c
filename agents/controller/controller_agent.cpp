#include "agents/controller/controller_agent.h"

#include "core/action_scale.h"
#include "core/random.h"
#include "envs/env_lane.h"
#include "envs/registry.h"
#include "nn/pch.h"

namespace reverie {
namespace {

// Null if the environment has none of that name.
const ControllerEntry* find_controller(const EnvEntry& env, const std::string& name) {
  for (const ControllerEntry& entry : env.controllers) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

class ControllerActor final : public Actor {
 public:
  // env: in an episode; the controllers are made from it.
  ControllerActor(const ControllerEntry& entry, Env& env, int64_t num_envs, uint64_t seed)
      : spec_(env.spec()), scale_(spec_.action), action_(action_field(spec_.action)) {
    for (int64_t i = 0; i < num_envs; ++i) {
      controllers_.push_back(entry.make(env, mix_seed({seed, static_cast<uint64_t>(i)})));
    }
  }

  Decision act(const TensorMap& obs) override {
    std::vector<at::Tensor> tensors;
    std::vector<ConstFieldView> views;
    for (const Field& field : spec_.observation) {
      // As the environment declares them, because a controller belongs to the environment.
      tensors.push_back(obs.at(field.name).to(scalar_type(field.dtype)).contiguous());
      views.push_back(view_of(field, tensors.back()));
    }
    const int64_t count = views.front().count;
    REVERIE_CHECK(count == static_cast<int64_t>(controllers_.size()),
                  "{}: observations of {} environments for {} controllers", spec_.id, count,
                  controllers_.size());
    std::vector<std::byte> actions(static_cast<size_t>(count) * action_.bytes());
    const FieldView out{&action_, actions.data(), count};
    std::vector<ConstFieldView> row(views.size());
    for (int64_t i = 0; i < count; ++i) {
      for (size_t f = 0; f < views.size(); ++f) row[f] = views[f].row(i);
      controllers_[static_cast<size_t>(i)]->act(row, out.row(i));
    }
    return {in_unit_range({&action_, actions.data(), count})};
  }

  void on_episode_start(const at::Tensor& env_mask) override {
    const at::Tensor mask = env_mask.contiguous();
    const bool* started = mask.const_data_ptr<bool>();
    for (size_t i = 0; i < controllers_.size(); ++i) {
      if (started[i]) controllers_[i]->reset();
    }
  }

 private:
  // In double precision, so that the environment gets exactly the controller's action.
  at::Tensor in_unit_range(ConstFieldView actions) const {
    Field unit = action_field(scale_.unit_space());
    if (unit.dtype == DType::kFloat32) unit.dtype = DType::kFloat64;
    std::vector<int64_t> shape = unit.shape;
    shape.insert(shape.begin(), actions.count);
    at::Tensor out = at::empty(shape, scalar_type(unit.dtype));
    scale_.to_unit(actions,
                   {&unit, static_cast<std::byte*>(out.mutable_data_ptr()), actions.count});
    return out;
  }

  const EnvSpec spec_;
  const ActionScale scale_;
  const Field action_;
  std::vector<std::unique_ptr<Controller>> controllers_;  // [N]
};

AgentEntry controller_entry(const std::string& name, std::string summary) {
  const auto make = [name](const EnvMaker& make_env) { return controller_actors(name, make_env); };
  return untrained_entry(name, std::move(summary), {.make = make, .reads_state = true});
}

// An environment in an episode.
std::shared_ptr<Env> begin_episode(const EnvMaker& make) {
  std::shared_ptr<Env> env = make();
  FieldRows rows(env->spec().observation, 1);
  env->reset(0, rows.all());
  return env;
}

}  // namespace

ActorMaker controller_actors(const std::string& name, const EnvMaker& make) {
  const std::shared_ptr<Env> env = begin_episode(make);
  const EnvEntry& entry = find_env(env->spec().id);
  const ControllerEntry* controller = find_controller(entry, name);
  if (controller == nullptr) {
    std::string known;
    for (const EnvEntry& other : env_registry()) {
      if (find_controller(other, name) != nullptr) known += (known.empty() ? "" : ", ") + other.id;
    }
    fail_input("{} has no {} controller; environments that have one: {}", entry.id, name, known);
  }
  controller->make(*env, 0);  // unsuitable environments throw here
  return [env, controller](int64_t num_envs, uint64_t seed) {
    return std::make_unique<ControllerActor>(*controller, *env, num_envs, seed);
  };
}

AgentEntry scripted_entry() {
  return controller_entry("scripted", "the scripted driver of car-racing, a reference");
}

AgentEntry waypoint_entry() {
  return controller_entry("waypoint", "D4RL's waypoint controller of point mazes, a reference");
}

}  // namespace reverie
