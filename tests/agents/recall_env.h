#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/random.h"
#include "envs/env.h"

namespace reverie::test {

// A task that only a memory can solve: a cue, -1 or 1, is shown with the first observation. After
// `delay` further steps the environment asks, and the action must tell which it was: reward 1 or
// -1. Then the episode terminates. Without a memory, the best expected return is 0.
class RecallEnv final : public Env {
 public:
  explicit RecallEnv(int64_t delay)
      : delay_(delay),
        spec_({.id = "recall",
               .observation = {{.name = "cue", .shape = {}}, {.name = "asks", .shape = {}}},
               .action = DiscreteSpace{2},
               .dt = 1.0,
               .max_steps = delay + 1,
               .source = "tests"}) {}

  const EnvSpec& spec() const override { return spec_; }

  void reset(uint64_t seed, FieldViews obs) override {
    Rng rng(seed);
    cue_ = rng.random() < 0.5 ? -1.0 : 1.0;
    clock_ = 0;
    observe(obs);
  }

  StepResult step(ConstFieldView action, FieldViews obs) override {
    check_action(spec_.id, spec_.action, action);
    const double told = action.as<int64_t>()[0] == 1 ? 1.0 : -1.0;
    const bool asked = clock_ == delay_;
    ++clock_;
    observe(obs);
    return {.reward = asked ? told * cue_ : 0.0, .terminated = asked};
  }

  std::vector<double> state() const override { return {cue_, static_cast<double>(clock_)}; }

  void set_state(std::span<const double> state) override {
    cue_ = state[0];
    clock_ = static_cast<int64_t>(state[1]);
  }

  void draw(Canvas& /*canvas*/, View /*view*/) const override {}

 private:
  void observe(FieldViews obs) const {
    obs[0].as<float>()[0] = clock_ == 0 ? static_cast<float>(cue_) : 0.0F;
    obs[1].as<float>()[0] = clock_ == delay_ ? 1.0F : 0.0F;
  }

  int64_t delay_;
  EnvSpec spec_;
  double cue_ = 1.0;
  int64_t clock_ = 0;
};

class RecallConfig final : public EnvConfig {
 public:
  explicit RecallConfig(int64_t delay) : delay_(delay) {}

  void describe(ConfigFields& /*fields*/) override {}

  EnvMaker maker() const override {
    return [delay = delay_] { return std::make_unique<RecallEnv>(delay); };
  }

 private:
  int64_t delay_;
};

}  // namespace reverie::test
