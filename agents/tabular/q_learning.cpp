#include "agents/tabular/q_learning.h"

#include "agents/training/training_config.h"
#include "nn/pch.h"

namespace reverie {
namespace {

constexpr const char* kName = "q-learning";

class QLearning final : public TdControlAgent {
 public:
  QLearning(const EnvSpec& spec, const QLearningConfig& config, at::Device device)
      : TdControlAgent(spec, config.options, device, kName) {}

 protected:
  void learn(const TableStep& step, Rng& /*rng*/) override {
    const double next_value = step.terminated ? 0.0 : q().max(step.next);
    move_towards(step.reward + options().gamma * next_value, step.state, step.action);
  }
};

}  // namespace

std::unique_ptr<Agent> QLearningConfig::make(const EnvSpec& spec, at::Device device,
                                             uint64_t /*seed*/) const {
  return std::make_unique<QLearning>(spec, *this, device);
}

AgentEntry q_learning_entry() {
  return {.name = kName,
          .summary = "off-policy temporal-difference control with a table (Watkins 1989)",
          .config = [] { return std::make_unique<QLearningConfig>(); },
          .training = &td_control_training};
}

}  // namespace reverie
