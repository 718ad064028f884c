#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "worldmodel/planning/planner.h"

namespace reverie::test {

// Two masses on a line each, pushed by one force each and coupled a little: x = (p1, p2, v1, v2).
//
//   x' = F x + G u,   cost of a step = x'^T Q x' + u^T R u
class LinearWorld final : public Dynamics {
 public:
  explicit LinearWorld(at::Device device = at::kCPU) {
    for (at::Tensor* constant : {&f, &g, &q, &r}) *constant = constant->to(device);
  }

  LatentState predict(const LatentState& state, const at::Tensor& action) override {
    ++predictions;
    recorded_gradients = recorded_gradients || at::GradMode::is_enabled();
    return {at::matmul(state.z, f.t()) + at::matmul(action, g.t()), {}};
  }
  bool differentiable() const override { return has_gradients; }

  at::Tensor cost(const at::Tensor& z, const at::Tensor& action) const {
    return (at::matmul(z, q) * z).sum(-1) + (at::matmul(action, r) * action).sum(-1);
  }

  // The cost of the best plan of T steps from each row of x: V_t(x) = x^T P_t x with
  //   S = Q + P_{t+1},  P_t = F^T S F - F^T S G (R + G^T S G)^-1 G^T S F,  P_T = 0
  at::Tensor least_cost(const at::Tensor& x, int64_t horizon) const {
    const auto wide = [](const at::Tensor& m) { return m.to(at::kDouble); };
    at::Tensor p = at::zeros({4, 4}, at::kDouble);
    for (int64_t t = 0; t < horizon; ++t) {
      const at::Tensor s = wide(q) + p;
      const at::Tensor sg = at::matmul(s, wide(g));
      const at::Tensor gain = at::matmul(at::inverse(wide(r) + at::matmul(wide(g).t(), sg)),
                                         at::matmul(sg.t(), wide(f)));
      p = at::matmul(wide(f).t(), at::matmul(s, wide(f)) - at::matmul(sg, gain));
    }
    return (at::matmul(wide(x), p) * wide(x)).sum(-1);
  }

  bool has_gradients = true;
  int64_t predictions = 0;
  bool recorded_gradients = false;
  at::Tensor f = matrix({1, 0, .5, 0, 0, 1, 0, .5, 0, .1, .9, 0, -.1, 0, 0, .9}, 4);
  at::Tensor g = matrix({.1, 0, 0, .1, .5, .1, 0, .5}, 4);
  at::Tensor q = at::diag(matrix({1, 2, .1, .1}, 4).flatten());
  at::Tensor r = at::diag(matrix({.1, .2}, 2).flatten());

 private:
  static at::Tensor matrix(std::vector<float> values, int64_t rows) {
    return at::tensor(values).view({rows, -1});
  }
};

// [3, 4]; the best plans push up to 2 or 3 times as hard as the first candidates.
inline at::Tensor starts() {
  return at::tensor({.5F, -.5F, 0.F, 0.F, 0.F, .3F, .5F, -.5F, -1.F, -.5F, .2F, 0.F}).view({3, 4});
}

inline PlanningProblem linear_problem(LinearWorld& world, const at::Tensor& start,
                                      float limit = 10.F) {
  const auto cost = [&world](const CandidateStep& step) {
    return world.cost(step.next.z, step.action);
  };
  return {.dynamics = world,
          .start = {start, {}},
          .cost = {.parts = {{.step = cost}}},
          .limits = {at::full({2}, -limit, start.options()), at::full({2}, limit, start.options())},
          .horizon = 5};
}

// A walk on the numbers 0 .. 30 whose landscape misleads: actions 0, 1, 2 leave x, add 3 to it and
// double it, each modulo 31; what counts is how far from 29 the walk ends, and each action costs.
class DiscreteWorld final : public Dynamics {
 public:
  LatentState predict(const LatentState& state, const at::Tensor& action) override {
    EXPECT_EQ(action.scalar_type(), at::kLong);
    const at::Tensor stay = at::where(action == 1, state.z + 3, state.z);
    return {at::where(action == 2, 2 * state.z, stay).remainder(31), {}};
  }
  bool differentiable() const override { return false; }
};

inline PlanningProblem discrete_problem(DiscreteWorld& world, at::Device device = at::kCPU) {
  const at::Tensor start = at::tensor({1.F, 4.F, 10.F, 17.F}).view({4, 1}).to(device);
  const auto effort = [](const CandidateStep& step) {
    return 0.1 * step.action.select(1, 0).to(at::kFloat);
  };
  const auto distance = [](const LatentState& last) { return (last.z.select(1, 0) - 29.0).abs(); };
  return {.dynamics = world,
          .start = {start, {}},
          .cost = {.parts = {{.step = effort, .end = distance}}},
          .limits = {.low = at::zeros({1}, start.options()),
                     .high = at::zeros({1}, start.options()),
                     .choices = 3},
          .horizon = 6};
}

// A planner that runs quickly and finds little.
inline PlannerOptions hasty_options(const std::string& planner) {
  PlannerOptions options;
  options.planner = planner;
  options.samples = 20;
  options.iterations = 3;
  options.elites = 6;
  return options;
}

// The planner under test, as a part of the test's name.
inline std::string planner_test_name(const testing::TestParamInfo<std::string>& planner) {
  std::string name = planner.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

}  // namespace reverie::test
