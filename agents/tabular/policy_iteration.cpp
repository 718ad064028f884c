#include "agents/tabular/policy_iteration.h"

#include <algorithm>
#include <cmath>

#include "agents/tabular/sweep_training.h"
#include "nn/pch.h"

namespace reverie {

void PolicyIterationConfig::describe(ConfigFields& f) {
  f.add("gamma", gamma, "discount per environment step", between(0, 1));
  f.add("theta", theta,
        "a sweep that changes no value by as much ends an evaluation; 0 = evaluate for ever",
        at_least(0));
}

double evaluation_sweep(const FiniteMdp& mdp, const double* policy, double gamma, double* v) {
  double delta = 0.0;
  for (int64_t s = 0; s < mdp.states(); ++s) {
    if (mdp.is_terminal(s)) continue;
    const double before = v[s];
    double value = 0.0;
    for (int64_t a = 0; a < mdp.actions(); ++a) {
      const double probability = policy[s * mdp.actions() + a];
      if (probability > 0.0) value += probability * backup(mdp, s, a, v, gamma);
    }
    v[s] = value;
    delta = std::max(delta, std::abs(before - v[s]));
  }
  return delta;
}

namespace {

constexpr const char* kName = "policy-iteration";

class PolicyIteration final : public SweepAgent {
 public:
  PolicyIteration(const EnvSpec& spec, const PolicyIterationConfig& config, at::Device device)
      : config_(config),
        spaces_(spec, device, kName),
        v_(at::zeros({spaces_.states}, at::kDouble)),
        policy_(at::full({spaces_.states, spaces_.actions},
                         1.0 / static_cast<double>(spaces_.actions), at::kDouble)),
        q_(spaces_, 0.0) {}

  std::unique_ptr<Actor> actor(int64_t /*num_envs*/, const Acting& /*acting*/,
                               uint64_t /*seed*/) override {
    return greedy_actor(q_, spaces_.field);
  }

  Sweep sweep(const FiniteMdp& mdp) override {
    const double delta = evaluation_sweep(mdp, policy_.const_data_ptr<double>(), config_.gamma,
                                          v_.mutable_data_ptr<double>());
    const bool evaluated = delta < config_.theta;
    return {.residual = delta, .solved = evaluated && improve(mdp)};
  }

  void state(StateList& list) override {
    list.add("table", q_);
    list.add_weights("table.v", v_);
    list.add_weights("table.policy", policy_);
  }

  const QTable& q() const override { return q_; }

 private:
  // Whether the policy is stable.
  bool improve(const FiniteMdp& mdp) {
    const auto* v = v_.const_data_ptr<double>();
    bool stable = true;
    for (int64_t s = 0; s < spaces_.states; ++s) {
      if (mdp.is_terminal(s)) continue;
      double* pi = policy_.mutable_data_ptr<double>() + s * spaces_.actions;
      for (int64_t a = 0; a < spaces_.actions; ++a) q_(s, a) = backup(mdp, s, a, v, config_.gamma);
      const int64_t best = q_.best(s);
      const int64_t old = std::max_element(pi, pi + spaces_.actions) - pi;
      const bool was_certain = pi[old] == 1.0;
      if (was_certain && q_(s, best) <= q_(s, old) + config_.theta) continue;
      std::fill_n(pi, spaces_.actions, 0.0);
      pi[best] = 1.0;
      stable = false;
    }
    return stable;
  }

  const PolicyIterationConfig config_;
  const FiniteSpaces spaces_;
  at::Tensor v_;       // [S]
  at::Tensor policy_;  // [S, A] pi(a | s)
  QTable q_;           // of the last improvement
};

}  // namespace

std::unique_ptr<Agent> PolicyIterationConfig::make(const EnvSpec& spec, at::Device device,
                                                   uint64_t /*seed*/) const {
  return std::make_unique<PolicyIteration>(spec, *this, device);
}

AgentEntry policy_iteration_entry() {
  return {
      .name = kName,
      .summary = "policy evaluation and improvement in a finite task's exact model (Howard 1960)",
      .config = [] { return std::make_unique<PolicyIterationConfig>(); },
      .training = [] { return std::make_unique<SweepTraining>(); }};
}

}  // namespace reverie
