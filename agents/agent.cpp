#include "agents/agent.h"

#include "agents/training/training_config.h"

namespace reverie {
namespace {

struct NothingToLearn final : AgentConfig {
  explicit NothingToLearn(std::string agent) : name(std::move(agent)) {}

  void describe(ConfigFields& /*fields*/) override {}
  std::unique_ptr<Agent> make(const EnvSpec& /*spec*/, at::Device /*device*/,
                              uint64_t /*seed*/) const override {
    fail_input("agent '{}' has nothing to learn; try `reverie evaluate {} --env ID`", name, name);
  }

  std::string name;
};

}  // namespace

void Actor::on_episode_start(const at::Tensor& /*env_mask*/) {}
void Actor::on_idle(const at::Tensor& /*env_mask*/) {}
void Actor::state(StateList& /*list*/) {}

void Agent::observe(const TensorMap& /*obs*/) {}

Pace TransitionAgent::pace(int64_t /*earned_updates*/) { return Pace::kTogether; }

void TransitionAgent::on_episode_end(const Episode& /*episode*/) {}

AgentEntry untrained_entry(const std::string& name, std::string summary,
                           UntrainedPolicy untrained) {
  return {.name = name,
          .summary = std::move(summary),
          .config = [name] { return std::make_unique<NothingToLearn>(name); },
          .untrained = std::move(untrained)};
}

}  // namespace reverie
