// Costs of plans from their parts, on a world whose every state, reward and value is known.

#include <cmath>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nn/pch.h"
#include "tests/errors.h"
#include "tests/tensors.h"
#include "worldmodel/planning/cost.h"
#include "worldmodel/planning/planner.h"

namespace reverie {
namespace {

using test::input_error;
using test::max_difference;
using testing::HasSubstr;

// z' = z + a. A step is worth 10 times the state before it plus its action, a state its square; the
// episode ends with probability 1/4 in a state above 5.
class Counter final : public Dynamics, public GoalSpace, public Heads {
 public:
  LatentState predict(const LatentState& state, const at::Tensor& action) override {
    return {state.z + action, {}};
  }
  bool differentiable() const override { return true; }

  LatentState encode_goal(const TensorMap& obs) override { return {obs.at("goal_count"), {}}; }
  at::Tensor distance(const LatentState& state, const LatentState& goal) const override {
    return (state.z - goal.z).abs().select(1, 0);
  }

  at::Tensor reward(const LatentState& state, const at::Tensor& action,
                    const LatentState& next) override {
    EXPECT_TRUE(at::equal(next.z, state.z + action));
    return (10.0 * state.z + action).select(1, 0);
  }
  at::Tensor value(const LatentState& state) override { return state.z.square().select(1, 0); }
  at::Tensor termination(const LatentState& state) override {
    return at::where(state.z > 5.0, 0.25, 0.0).select(1, 0);
  }
};

LatentState column(const std::vector<float>& values) {
  return {at::tensor(values).unsqueeze(1), {}};
}

// Two worlds at 1 and 4, two candidates of three steps each:
//
//   world 0: 1 -> 2 -> 3 -> 4 and 1 -> 1 -> 1 -> 3,  world 1: 4 -> 6 -> 6 -> 8 and 4 -> 3 -> 2 -> 1
LatentState first_states() { return column({1, 1, 4, 4}); }
at::Tensor candidate_actions() {
  return at::tensor({1.F, 0.F, 2.F, -1.F, 1.F, 0.F, 0.F, -1.F, 1.F, 2.F, 2.F, -1.F})
      .view({3, 4, 1});
}

at::Tensor cost_of(const PlanningCost& cost) {
  Counter world;
  return rollout_cost(world, cost, first_states(), candidate_actions());
}

void expect_costs(const PlanningCost& cost, const std::vector<float>& expected) {
  const at::Tensor found = cost_of(cost);
  EXPECT_LT(max_difference(found, at::tensor(expected)), 1e-5) << found;
}

TEST(PlanningCost, DistancesAreToTheGoalOfEachCandidatesWorld) {
  Counter space;
  TensorMap obs;
  obs.add("goal_count", at::tensor({3.F, 7.F}).unsqueeze(1));
  const LatentState goals = space.encode_goal(obs);
  expect_costs({.parts = {goal_distance_at_end(space, goals)}}, {1, 0, 1, 6});
  // |2 - 3|, |3 - 3|, |4 - 3|; 2, 2, 0; 1, 1, 1; 4, 5, 6.
  expect_costs({.parts = {mean_goal_distance(space, goals, 3)}}, {2.F / 3.F, 4.F / 3.F, 1.F, 5.F});
}

TEST(PlanningCost, TheGoalsOfAPartServeAnyNumberOfCandidates) {
  Counter world;
  const PlanningCost cost = {.parts = {goal_distance_at_end(world, column({3, 7}))}};
  const at::Tensor one_each = candidate_actions().index_select(1, at::tensor({0, 2}));
  for (int round = 0; round < 2; ++round) {
    expect_costs(cost, {1, 0, 1, 6});
    const at::Tensor found = rollout_cost(world, cost, column({1, 4}), one_each);
    EXPECT_LT(max_difference(found, at::tensor({1.F, 1.F})), 1e-6);
  }
}

TEST(PlanningCost, RewardsAndValuesCountWithTheirSignTurned) {
  Counter heads;
  // 10 (1 + 2 + 3) + 3, 10 (1 + 1 + 1) + 2, 10 (4 + 6 + 6) + 4, 10 (4 + 3 + 2) - 3.
  expect_costs({.parts = {negative_reward(heads)}}, {-63, -32, -164, -87});
  expect_costs({.parts = {negative_terminal_value(heads)}}, {-16, -9, -64, -1});
}

TEST(PlanningCost, ReturnsAreDiscountedAndEndWhereEpisodesMayEnd) {
  Counter heads;
  PlanningCost cost = negative_return(heads, 0.5);
  // Rewards 11, 21, 31; 10, 10, 12; 42, 60, 62; 39, 29, 19, then the value. World 1's first
  // candidate has ended with probability 1/4 behind its first step, and so on.
  expect_costs(cost,
               {-(11.F + 21.F / 2 + 31.F / 4 + 16.F / 8), -(10.F + 10.F / 2 + 12.F / 4 + 9.F / 8),
                -(42.F + 0.75F * 60.F / 2 + 0.5625F * 62.F / 4 + 0.421875F * 64.F / 8),
                -(39.F + 29.F / 2 + 19.F / 4 + 1.F / 8)});
  cost.termination = {};
  cost.discount = 1.0;
  expect_costs(cost, {-63 - 16, -32 - 9, -164 - 64, -87 - 1});
  // Heads whose episodes do not end return an undefined tensor.
  cost.termination = [](const LatentState&) { return at::Tensor(); };
  expect_costs(cost, {-63 - 16, -32 - 9, -164 - 64, -87 - 1});
}

TEST(PlanningCost, PartsAddUpByTheirWeights) {
  Counter world;
  PlanningCost cost = {
      .parts = {goal_distance_at_end(world, column({3, 7})), negative_reward(world)}};
  cost.parts[0].weight = 100.0;
  cost.parts[1].weight = 0.5;
  expect_costs(cost, {100 - 31.5F, -16, 100 - 82, 600 - 43.5F});
}

TEST(PlanningCost, WhatDoesNotFitIsRefused) {
  EXPECT_THAT(input_error([] { cost_of({}); }), HasSubstr("the problem has no cost"));
  EXPECT_THAT(input_error([] { cost_of({.parts = {{}}}); }), HasSubstr("charges anything"));
  const auto wide = [](const LatentState& last) { return last.z; };
  EXPECT_THAT(input_error([&] { cost_of({.parts = {{.end = wide}}}); }),
              HasSubstr("the cost of the end has the shape 4x1, expected 4"));
  const auto short_one = [](const CandidateStep& step) { return step.next.z.select(1, 0)[0]; };
  EXPECT_THAT(input_error([&] { cost_of({.parts = {{.step = short_one}}}); }),
              HasSubstr("the cost of step 0 has the shape"));
  Counter heads;
  PlanningCost cost = negative_return(heads, 0.9);
  cost.termination = wide;
  EXPECT_THAT(input_error([&] { cost_of(cost); }), HasSubstr("termination has the shape 4x1"));
}

// The reward is 10 z + a: going up now pays off later, in the value even more.
TEST(PlanningCost, EveryPlannerPlansForReturns) {
  Counter world;
  for (const char* name : {"cem", "icem", "mppi", "gradient"}) {
    PlannerOptions options;
    options.planner = name;
    options.horizon = 3;
    const PlanningProblem problem = {.dynamics = world,
                                     .start = column({1, 2}),
                                     .cost = negative_return(world, 1.0),
                                     .limits = {at::full({1}, -1.F), at::full({1}, 1.F)},
                                     .horizon = 3};
    Rng rng(1);
    const Plan plan = make_planner(options)->plan(problem, rng);
    EXPECT_GT(plan.actions.min().item<double>(), 0.9) << name;
    // 1 -> 2 -> 3 -> 4: rewards 11 + 21 + 31, value 16.
    EXPECT_NEAR(plan.cost[0].item<double>(), -79.0, 2.0) << name;
  }
}

}  // namespace
}  // namespace reverie
