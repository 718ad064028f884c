#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "drawing/canvas.h"

namespace reverie {

// A finite Markov decision process: states 0 .. S - 1, actions 0 .. A - 1, and the probability
// p(s', r | s, a) of every outcome (Sutton & Barto 2018, equation 3.2). A state without outcomes is
// terminal: its value is 0.
class FiniteMdp {
 public:
  struct Outcome {
    double probability = 1.0;
    int64_t next = 0;  // s'
    double reward = 0.0;
  };

  // Without outcomes. Throws Error(kInput) for fewer than 1 state or action.
  FiniteMdp(int64_t states, int64_t actions);

  // Throws Error(kInput) for a state, an action or a next state out of range, a probability outside
  // (0, 1], and a reward that is not finite.
  void add(int64_t state, int64_t action, const Outcome& outcome);

  int64_t states() const { return states_; }
  int64_t actions() const { return actions_; }

  // The outcomes of an action. state in [0, S), action in [0, A), not checked.
  std::span<const Outcome> outcomes(int64_t state, int64_t action) const {
    return outcomes_[static_cast<size_t>(state * actions_ + action)];
  }
  bool is_terminal(int64_t state) const { return outcomes(state, 0).empty(); }

  // Throws Error(kInput) that names state and action unless every action of a state has
  // probabilities that sum to 1, or none has outcomes.
  void check() const;

 private:
  int64_t states_, actions_;
  std::vector<std::vector<Outcome>> outcomes_;  // [S A]
};

// What a finite environment knows about itself, for agents that plan instead of trying.
struct FiniteModel {
  FiniteMdp mdp;

  // Draws the values of all states, [S], as colours, and the best actions, [S], as arrows.
  std::function<void(Canvas& canvas, std::span<const double> values,
                     std::span<const int64_t> actions)>
      draw;
};

}  // namespace reverie
