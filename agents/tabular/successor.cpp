#include "agents/tabular/successor.h"

#include "agents/training/training_config.h"
#include "nn/pch.h"

namespace reverie {

void SuccessorConfig::describe(ConfigFields& f) {
  options.describe(f);
  f.add("successor_policy", successor_policy,
        "whose visits are counted: those of the best actions, or of a random walk",
        {"greedy", "uniform"});
}

at::Tensor exact_successors(const FiniteMdp& mdp, const at::Tensor& policy, double gamma) {
  const int64_t states = mdp.states();
  const at::Tensor transitions = at::zeros({states, states}, at::kDouble);
  auto p = transitions.accessor<double, 2>();
  const auto pi = policy.accessor<double, 2>();
  for (int64_t s = 0; s < states; ++s) {
    for (int64_t a = 0; a < mdp.actions(); ++a) {
      for (const FiniteMdp::Outcome& outcome : mdp.outcomes(s, a)) {
        p[s][outcome.next] += pi[s][a] * outcome.probability;
      }
    }
  }
  return at::linalg_solve(at::eye(states, at::kDouble) - gamma * transitions, transitions);
}

namespace {

constexpr const char* kName = "successor";

class Successor final : public TdControlAgent, public SuccessorTable {
 public:
  Successor(const EnvSpec& spec, const SuccessorConfig& config, at::Device device)
      : TdControlAgent(spec, config.options, device, kName),
        is_greedy_(config.successor_policy == "greedy"),
        visits_(at::zeros({q().states(), q().actions(), q().states() + 1}, at::kDouble)),
        rewards_(at::zeros({q().states() + 1}, at::kDouble)),
        arrivals_(at::zeros_like(rewards_)) {}

  const at::Tensor& visits() const override { return visits_; }

  void state(StateList& list) override {
    TdControlAgent::state(list);
    list.add_weights("table.visits", visits_);
    list.add_weights("table.rewards", rewards_);
    list.add_weights("table.arrivals", arrivals_);
  }

 protected:
  void learn(const TableStep& step, Rng& /*rng*/) override {
    const int64_t arrived = step.terminated ? q().states() : step.next;
    const at::Tensor row = visits_[step.state][step.action];  // M(S, A, .)
    at::Tensor target = at::zeros_like(row);
    if (!step.terminated) {
      const at::Tensor next = visits_[step.next];  // [A, S]
      target = options().gamma * (is_greedy_ ? next[q().best(step.next)] : next.mean(0));
    }
    target[arrived] += 1.0;
    const at::Tensor error = target - row;
    row.add_(error, options().step_size);
    learn_reward(arrived, step.reward);
    count_error(error.abs().sum().item<double>());
    set_value(row.dot(rewards_).item<double>(), step.state, step.action);
  }

 private:
  // w(x). Where it changes, so do the values of all states that lead there.
  void learn_reward(int64_t x, double reward) {
    arrivals_[x] += 1.0;
    const double before = rewards_[x].item<double>();
    const double after = before + (reward - before) / arrivals_[x].item<double>();
    if (after == before) return;
    rewards_[x] = after;
    const at::Tensor values = at::matmul(visits_, rewards_);  // [S, A]
    const auto q = values.accessor<double, 2>();
    for (int64_t s = 0; s < q.size(0); ++s) {
      for (int64_t a = 0; a < q.size(1); ++a) set_value(q[s][a], s, a);
    }
  }

  const bool is_greedy_;
  at::Tensor visits_;    // [S, A, S + 1] M
  at::Tensor rewards_;   // [S + 1] w
  at::Tensor arrivals_;  // [S + 1] float64
};

}  // namespace

std::unique_ptr<Agent> SuccessorConfig::make(const EnvSpec& spec, at::Device device,
                                             uint64_t /*seed*/) const {
  REVERIE_CHECK(options.gamma < 1.0,
                "--gamma {}: visits are counted for ever without a discount; expected less than 1",
                options.gamma);
  REVERIE_CHECK(
      options.initial_value == 0.0,
      "--initial-value {}: values follow from visits and rewards, which begin at 0; leave "
      "it out",
      options.initial_value);
  return std::make_unique<Successor>(spec, *this, device);
}

AgentEntry successor_entry() {
  return {.name = kName,
          .summary = "successor representation with a table (Dayan 1993)",
          .config = [] { return std::make_unique<SuccessorConfig>(); },
          .training = &td_control_training};
}

}  // namespace reverie
