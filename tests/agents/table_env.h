#pragma once

// Finite tasks with known answers, as environments.

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "core/random.h"
#include "envs/env.h"
#include "envs/finite_mdp.h"

namespace reverie::test {

// Plays a finite MDP of certain outcomes from one start.
class TableEnv final : public Env {
 public:
  TableEnv(std::shared_ptr<const FiniteMdp> mdp, int64_t start, int64_t max_steps)
      : mdp_(std::move(mdp)), start_(start) {
    spec_.id = "table";
    spec_.observation = {{.name = "cell",
                          .shape = {},
                          .dtype = DType::kInt64,
                          .low = {0.0F},
                          .high = {static_cast<float>(mdp_->states() - 1)}}};
    spec_.action = DiscreteSpace{mdp_->actions()};
    spec_.dt = 1.0;
    spec_.max_steps = max_steps;
    spec_.source = "tests";
  }

  const EnvSpec& spec() const override { return spec_; }

  void reset(uint64_t /*seed*/, FieldViews obs) override {
    state_ = start_;
    steps_ = 0;
    obs[0].as<int64_t>()[0] = state_;
  }

  StepResult step(ConstFieldView action, FieldViews obs) override {
    const FiniteMdp::Outcome& outcome = mdp_->outcomes(state_, action.as<int64_t>()[0])[0];
    state_ = outcome.next;
    obs[0].as<int64_t>()[0] = state_;
    const bool terminated = mdp_->is_terminal(state_);
    return {.reward = outcome.reward,
            .terminated = terminated,
            .truncated = ++steps_ >= spec_.max_steps && !terminated};
  }

  std::vector<double> state() const override {
    return {static_cast<double>(state_), static_cast<double>(steps_)};
  }
  void set_state(std::span<const double> state) override {
    state_ = static_cast<int64_t>(state[0]);
    steps_ = static_cast<int64_t>(state[1]);
  }
  void draw(Canvas& /*canvas*/, View /*view*/) const override {}

 private:
  std::shared_ptr<const FiniteMdp> mdp_;
  int64_t start_;
  EnvSpec spec_;
  int64_t state_ = 0;
  int64_t steps_ = 0;
};

class TableConfig final : public EnvConfig {
 public:
  TableConfig(FiniteMdp mdp, int64_t start, int64_t max_steps)
      : mdp_(std::make_shared<const FiniteMdp>(std::move(mdp))),
        start_(start),
        max_steps_(max_steps) {}

  void describe(ConfigFields& /*fields*/) override {}
  EnvMaker maker() const override {
    return [mdp = mdp_, start = start_, max_steps = max_steps_] {
      return std::make_unique<TableEnv>(mdp, start, max_steps);
    };
  }
  std::optional<FiniteModel> finite_model() const override {
    return FiniteModel{.mdp = *mdp_, .draw = {}};
  }

 private:
  std::shared_ptr<const FiniteMdp> mdp_;
  int64_t start_, max_steps_;
};

// Random outcomes, two of each action, in the spaces of a spec that numbers its states. The last
// state is terminal.
inline FiniteMdp random_mdp(const EnvSpec& spec, Rng& rng) {
  FiniteMdp mdp(static_cast<int64_t>(spec.observation[0].high[0]) + 1,
                std::get<DiscreteSpace>(spec.action).n);
  for (int64_t s = 0; s + 1 < mdp.states(); ++s) {
    for (int64_t a = 0; a < mdp.actions(); ++a) {
      for (const double probability : {0.25, 0.75}) {
        mdp.add(s, a,
                {.probability = probability,
                 .next = rng.integers(0, mdp.states()),
                 .reward = rng.uniform(-1.0, 1.0)});
      }
    }
  }
  return mdp;
}

// Two states and the actions "stay" (0) and "move" (1), without an end. Staying in the second state
// gives 1, leaving it 2, everything else 0. With gamma = 0.9 the best policy always moves:
//
//   V(1) = 2 + 0.9 V(0),  V(0) = 0.9 V(1)  =>  V(1) = 2 / 0.19
inline FiniteMdp two_state_chain() {
  FiniteMdp mdp(2, 2);
  mdp.add(0, 0, {.next = 0, .reward = 0.0});
  mdp.add(0, 1, {.next = 1, .reward = 0.0});
  mdp.add(1, 0, {.next = 1, .reward = 1.0});
  mdp.add(1, 1, {.next = 0, .reward = 2.0});
  return mdp;
}

// A grid of rows x columns whose moves (up, down, left, right) stay inside, each of reward -1.
// terminal: [rows columns].
inline FiniteMdp grid(int64_t rows, int64_t columns, const std::vector<bool>& terminal) {
  constexpr std::array<std::pair<int64_t, int64_t>, 4> kMoves = {
      {{-1, 0}, {1, 0}, {0, -1}, {0, 1}}};
  FiniteMdp mdp(rows * columns, 4);
  for (int64_t s = 0; s < mdp.states(); ++s) {
    if (terminal[static_cast<size_t>(s)]) continue;
    for (int64_t a = 0; a < 4; ++a) {
      const auto [down, right] = kMoves[static_cast<size_t>(a)];
      const int64_t row = std::clamp(s / columns + down, int64_t{0}, rows - 1);
      const int64_t column = std::clamp(s % columns + right, int64_t{0}, columns - 1);
      mdp.add(s, a, {.next = row * columns + column, .reward = -1.0});
    }
  }
  return mdp;
}

// The cliff of Sutton & Barto 2018, example 6.6: 4 rows of 12 cells, start and goal in the corners
// of the lowest row, between them the cliff: a move into it gives -100 and leads to the start.
inline constexpr int64_t kCliffStart = 36, kCliffGoal = 47;
inline FiniteMdp cliff() {
  std::vector<bool> terminal(48, false);
  terminal[kCliffGoal] = true;
  const FiniteMdp plain = grid(4, 12, terminal);
  FiniteMdp mdp(48, 4);
  for (int64_t s = 0; s < 48; ++s) {
    for (int64_t a = 0; a < 4 && !plain.is_terminal(s); ++a) {
      FiniteMdp::Outcome outcome = plain.outcomes(s, a)[0];
      if (outcome.next > kCliffStart && outcome.next < kCliffGoal) {
        outcome = {.next = kCliffStart, .reward = -100.0};
      }
      mdp.add(s, a, outcome);
    }
  }
  return mdp;
}

}  // namespace reverie::test
