#include "envs/finite_mdp.h"

#include <cmath>

#include "core/error.h"

namespace reverie {
namespace {

constexpr double kSumTolerance = 1e-9;  // of probabilities

}  // namespace

FiniteMdp::FiniteMdp(int64_t states, int64_t actions) : states_(states), actions_(actions) {
  REVERIE_CHECK(states >= 1 && actions >= 1,
                "finite MDP: {} states and {} actions, expected at least 1 of each", states,
                actions);
  outcomes_.resize(static_cast<size_t>(states * actions));
}

void FiniteMdp::add(int64_t state, int64_t action, const Outcome& outcome) {
  REVERIE_CHECK(state >= 0 && state < states_ && outcome.next >= 0 && outcome.next < states_,
                "finite MDP: from state {} to {}, expected states in [0, {})", state, outcome.next,
                states_);
  REVERIE_CHECK(action >= 0 && action < actions_, "finite MDP: action {}, expected one in [0, {})",
                action, actions_);
  REVERIE_CHECK(outcome.probability > 0.0 && outcome.probability <= 1.0,
                "finite MDP: state {}, action {}: probability {}, expected one in (0, 1]", state,
                action, outcome.probability);
  REVERIE_CHECK(std::isfinite(outcome.reward),
                "finite MDP: state {}, action {}: reward {}, expected a finite one", state, action,
                outcome.reward);
  outcomes_[static_cast<size_t>(state * actions_ + action)].push_back(outcome);
}

void FiniteMdp::check() const {
  for (int64_t state = 0; state < states_; ++state) {
    const bool terminal = is_terminal(state);
    for (int64_t action = 0; action < actions_; ++action) {
      double sum = 0.0;
      for (const Outcome& outcome : outcomes(state, action)) sum += outcome.probability;
      const double expected = terminal ? 0.0 : 1.0;
      REVERIE_CHECK(std::abs(sum - expected) <= kSumTolerance,
                    "finite MDP: state {}, action {}: probabilities sum to {}, expected {}", state,
                    action, sum, expected);
    }
  }
}

}  // namespace reverie
