#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <ATen/core/TensorBody.h>

#include "agents/agent.h"
#include "core/random.h"

namespace reverie {

// Letters: S states, A actions, N environments.

// The finite spaces of an environment whose observation numbers its states: one int64 number with
// the bounds [0, S - 1].
struct FiniteSpaces {
  std::string field;  // of the observation
  int64_t states = 0;
  int64_t actions = 0;

  // Throws Error(kInput) that names environment and agent where there is no such field, or more
  // than one, or where actions are continuous, and for a device other than the CPU, where tables
  // are kept.
  FiniteSpaces(const EnvSpec& spec, at::Device device, std::string_view agent);
};

// A table of action values Q(s, a), float64 on the CPU. States and actions are not checked.
class QTable {
 public:
  QTable(const FiniteSpaces& spaces, double initial_value);

  int64_t states() const { return table_.size(0); }
  int64_t actions() const { return actions_; }

  double& operator()(int64_t state, int64_t action) { return values_[state * actions_ + action]; }
  double operator()(int64_t state, int64_t action) const {
    return values_[state * actions_ + action];
  }

  double max(int64_t state) const;            // max_a Q(s, a)
  int64_t best(int64_t state) const;          // the first action that has it
  std::vector<double> values() const;         // [S] max_a Q(s, a)
  std::vector<int64_t> best_actions() const;  // [S]

  // A uniform action with probability epsilon, else one of the best, chosen uniformly.
  int64_t epsilon_greedy(int64_t state, double epsilon, Rng& rng) const;

  // Lists the table as "q" [S, A].
  void state(StateList& list);

 private:
  at::Tensor table_;  // [S, A]
  double* values_;    // of the table
  int64_t actions_;
};

// An agent that keeps a table.
class TabularAgent {
 public:
  virtual ~TabularAgent() = default;
  virtual const QTable& q() const = 0;
};

// Actors that read the table, which must outlive them: the best action, or an epsilon-greedy one.
std::unique_ptr<Actor> greedy_actor(const QTable& q, const std::string& field);
std::unique_ptr<Actor> epsilon_greedy_actor(const QTable& q, const std::string& field,
                                            double epsilon, uint64_t seed);

}  // namespace reverie
