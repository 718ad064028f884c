#include "agents/tabular/sarsa.h"

#include "agents/training/training_config.h"
#include "nn/pch.h"

namespace reverie {
namespace {

constexpr const char* kName = "sarsa";

class Sarsa final : public TdControlAgent {
 public:
  Sarsa(const EnvSpec& spec, const SarsaConfig& config, at::Device device)
      : TdControlAgent(spec, config.options, device, kName) {}

  void state(StateList& list) override {
    TdControlAgent::state(list);
    list.add_changing("waiting", waiting_, at::kCPU);
  }

 protected:
  void learn(const TableStep& step, Rng& rng) override {
    double* before = waiting_row(step.env);
    if (before[kWaits] != 0.0) {  // S' and A' of the step before are S and A of this one
      learn_with(before, q()(step.state, step.action));
    }
    before[kWaits] = 0.0;
    before[kState] = static_cast<double>(step.state);
    before[kAction] = static_cast<double>(step.action);
    before[kReward] = step.reward;
    if (step.terminated) {
      learn_with(before, 0.0);
    } else if (step.truncated) {
      learn_with(before, q()(step.next, q().epsilon_greedy(step.next, options().epsilon, rng)));
    } else {
      before[kWaits] = 1.0;
    }
  }

 private:
  enum Column : int64_t { kWaits, kState, kAction, kReward, kColumns };

  void learn_with(const double* step, double next_value) {
    move_towards(step[kReward] + options().gamma * next_value, static_cast<int64_t>(step[kState]),
                 static_cast<int64_t>(step[kAction]));
  }

  double* waiting_row(int64_t env) {
    const int64_t rows = waiting_.defined() ? waiting_.size(0) : 0;
    if (env >= rows) {
      const at::Tensor more = at::zeros({env + 1 - rows, kColumns}, at::kDouble);
      waiting_ = rows == 0 ? more : at::cat({waiting_, more});
    }
    return waiting_.mutable_data_ptr<double>() + env * kColumns;
  }

  at::Tensor
      waiting_;  // [N, columns] the last step of each environment, if its A' is not known yet
};

}  // namespace

std::unique_ptr<Agent> SarsaConfig::make(const EnvSpec& spec, at::Device device,
                                         uint64_t /*seed*/) const {
  return std::make_unique<Sarsa>(spec, *this, device);
}

AgentEntry sarsa_entry() {
  return {.name = kName,
          .summary = "on-policy temporal-difference control with a table (Rummery & Niranjan 1994)",
          .config = [] { return std::make_unique<SarsaConfig>(); },
          .training = &td_control_training};
}

}  // namespace reverie
