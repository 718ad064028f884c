#include "agents/tabular/value_iteration.h"

#include <algorithm>
#include <cmath>

#include "agents/tabular/sweep_training.h"
#include "nn/pch.h"

namespace reverie {

void ValueIterationConfig::describe(ConfigFields& f) {
  f.add("gamma", gamma, "discount per environment step", between(0, 1));
  f.add("theta", theta, "a sweep that changes no value by as much is the last; 0 = go on",
        at_least(0));
}

namespace {

constexpr const char* kName = "value-iteration";

class ValueIteration final : public SweepAgent {
 public:
  ValueIteration(const EnvSpec& spec, const ValueIterationConfig& config, at::Device device)
      : config_(config),
        spaces_(spec, device, kName),
        v_(at::zeros({spaces_.states}, at::kDouble)),
        q_(spaces_, 0.0) {}

  std::unique_ptr<Actor> actor(int64_t /*num_envs*/, const Acting& /*acting*/,
                               uint64_t /*seed*/) override {
    return greedy_actor(q_, spaces_.field);
  }

  Sweep sweep(const FiniteMdp& mdp) override {
    auto* v = v_.mutable_data_ptr<double>();
    double delta = 0.0;
    for (int64_t s = 0; s < spaces_.states; ++s) {
      if (mdp.is_terminal(s)) continue;
      const double before = v[s];
      for (int64_t a = 0; a < spaces_.actions; ++a) q_(s, a) = backup(mdp, s, a, v, config_.gamma);
      v[s] = q_.max(s);
      delta = std::max(delta, std::abs(before - v[s]));
    }
    return {.residual = delta, .solved = delta < config_.theta};
  }

  void state(StateList& list) override {
    list.add("table", q_);
    list.add_weights("table.v", v_);
  }

  const QTable& q() const override { return q_; }

 private:
  const ValueIterationConfig config_;
  const FiniteSpaces spaces_;
  at::Tensor v_;  // [S]
  QTable q_;      // of the last sweep
};

}  // namespace

std::unique_ptr<Agent> ValueIterationConfig::make(const EnvSpec& spec, at::Device device,
                                                  uint64_t /*seed*/) const {
  return std::make_unique<ValueIteration>(spec, *this, device);
}

AgentEntry value_iteration_entry() {
  return {.name = kName,
          .summary = "dynamic programming in a finite task's exact model (Bellman 1957)",
          .config = [] { return std::make_unique<ValueIterationConfig>(); },
          .training = [] { return std::make_unique<SweepTraining>(); }};
}

}  // namespace reverie
