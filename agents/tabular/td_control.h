#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "agents/agent.h"
#include "agents/tabular/q_table.h"

namespace reverie {

// What SARSA and Q-learning have in common: the hyper-parameters, the table, an epsilon-greedy
// actor, and the steps of an environment in the order of time. The files of the two hold their
// update rules.
struct TdControlOptions {
  double step_size = 0.5;  // alpha
  double epsilon = 0.1;
  double gamma = 1.0;
  double initial_value = 0.0;
  int64_t rollout_steps = 1;

  void describe(ConfigFields& fields);
};

// One step of one environment: S, A, R, S'.
struct TableStep {
  int64_t env = 0;
  int64_t state = 0;
  int64_t action = 0;
  double reward = 0.0;
  int64_t next = 0;         // of a truncated episode its last state, not the first of the next one
  bool terminated = false;  // S' is terminal: its value is 0
  bool truncated = false;   // the episode was cut off: S' has a value
};

class TdControlAgent : public RolloutAgent, public TabularAgent {
 public:
  // Throws Error as FiniteSpaces does.
  TdControlAgent(const EnvSpec& spec, const TdControlOptions& options, at::Device device,
                 std::string_view agent);

  std::unique_ptr<Actor> actor(int64_t num_envs, const Acting& acting, uint64_t seed) override;
  RolloutRequest request() const override;
  Learned update(const Rollout& rollout, double progress, Rng& rng) final;
  void state(StateList& list) override;
  const QTable& q() const final { return q_; }

 protected:
  // Learns from one step. Steps come in the order of time, those of one time by environment.
  virtual void learn(const TableStep& step, Rng& rng) = 0;

  // Q(S, A) <- Q(S, A) + alpha [target - Q(S, A)]
  void move_towards(double target, int64_t state, int64_t action);

  // Q(S, A) <- value, for agents that compute it from something else, and the error that one of
  // their steps has corrected.
  void set_value(double value, int64_t state, int64_t action) { q_(state, action) = value; }
  void count_error(double error);

  const TdControlOptions& options() const { return options_; }

 private:
  std::vector<TableStep> steps_of(const Rollout& rollout) const;

  const TdControlOptions options_;
  const FiniteSpaces spaces_;
  QTable q_;
  double error_ = 0.0;  // sum of |target - Q(S, A)| in this update
  int64_t moves_ = 0;   // their number
};

// The training of both: one environment, an update after each step, rewards as they are.
std::unique_ptr<TrainingConfig> td_control_training();

}  // namespace reverie
