#pragma once

#include <functional>
#include <memory>
#include <stdexcept>
#include <vector>

#include "core/random.h"
#include "envs/env.h"

namespace reverie::test {

// What may go wrong in one instance, counted in the order they were made.
struct Sabotage {
  int64_t env = -1;
  int64_t step = -1;  // of its first episode; 0 = in reset()
  bool standard_exception = false;
  std::function<void()> in_step = {};  // called by every step of that instance
};

// x' = 0.9 x + a, observed beside the step number. The seed decides how long an episode takes
// (3 to 7 steps) and whether it terminates (even) or is truncated (odd).
class FakeEnv final : public Env {
 public:
  FakeEnv(int64_t instance, Sabotage sabotage) : sabotage_(std::move(sabotage)) {
    if (instance != sabotage_.env) sabotage_ = {};
    spec_.id = "fake";
    spec_.observation = {{.name = "x", .shape = {2}, .dtype = DType::kFloat64},
                         {.name = "step", .shape = {}, .dtype = DType::kInt64}};
    spec_.action = Field{.name = "action", .shape = {1}, .low = {-1.0F}, .high = {1.0F}};
  }

  const EnvSpec& spec() const override { return spec_; }

  void reset(uint64_t seed, FieldViews obs) override {
    sabotage(0);
    seed_ = seed;
    steps_ = 0;
    x_ = Rng(seed).random();
    observe(obs);
  }

  StepResult step(ConstFieldView action, FieldViews obs) override {
    if (sabotage_.in_step) sabotage_.in_step();
    sabotage(steps_ + 1);
    x_ = 0.9 * x_ + static_cast<double>(action.as<float>()[0]);
    ++steps_;
    observe(obs);
    const bool ended = steps_ == 3 + static_cast<int64_t>(seed_ % 5);
    return {
        .reward = x_, .terminated = ended && seed_ % 2 == 0, .truncated = ended && seed_ % 2 == 1};
  }

  std::vector<double> state() const override {
    return {x_, static_cast<double>(steps_), static_cast<double>(seed_ >> 32),
            static_cast<double>(seed_ & 0xffffffffU)};
  }

  void set_state(std::span<const double> state) override {
    REVERIE_CHECK(state.size() == 4, "fake: {} numbers, expected 4", state.size());
    x_ = state[0];
    steps_ = static_cast<int64_t>(state[1]);
    seed_ = static_cast<uint64_t>(state[2]) << 32 | static_cast<uint64_t>(state[3]);
  }

  void draw(Canvas&, View) const override {}
  Metrics metrics() const override { return {{"last_x", x_}}; }

 private:
  void observe(FieldViews obs) const {
    obs[0].as<double>()[0] = x_;
    obs[0].as<double>()[1] = -x_;
    obs[1].as<int64_t>()[0] = steps_;
  }

  void sabotage(int64_t step) {
    if (step != sabotage_.step) return;
    sabotage_.step = -1;  // once
    if (sabotage_.standard_exception) throw std::runtime_error("the wheel came off");
    fail_run("the wheel came off");
  }

  EnvSpec spec_;
  Sabotage sabotage_;
  double x_ = 0.0;
  int64_t steps_ = 0;
  uint64_t seed_ = 0;
};

inline EnvMaker fake(const Sabotage& sabotage = {}) {
  return [sabotage, made = std::make_shared<int64_t>(0)] {
    return std::make_unique<FakeEnv>((*made)++, sabotage);
  };
}

}  // namespace reverie::test
