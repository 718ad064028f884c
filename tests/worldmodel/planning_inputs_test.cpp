// Inputs of planners beside the problem: proposals, guesses and bounds of their spread.

#include <string>
#include <vector>

#include <ATen/CPUGeneratorImpl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nn/pch.h"
#include "tests/errors.h"
#include "tests/tensors.h"
#include "tests/worldmodel/planning_worlds.h"
#include "worldmodel/planning/planner.h"

namespace reverie {
namespace {

using test::discrete_problem;
using test::DiscreteWorld;
using test::hasty_options;
using test::input_error;
using test::linear_problem;
using test::LinearWorld;
using test::max_difference;
using test::starts;
using testing::HasSubstr;

Plan solve(const PlannerOptions& options, const PlanningProblem& problem) {
  Rng rng(1);
  return make_planner(options)->plan(problem, rng);
}

// The candidates [B, S, T, A] of each iteration, and the plan [B, 1, T, A] behind them.
std::vector<at::Tensor> candidates_of(const PlannerOptions& options, PlanningProblem problem) {
  std::vector<at::Tensor> iterations, steps;
  problem.cost.parts.push_back({.step = [&](const CandidateStep& step) {
    steps.push_back(step.action.detach().clone());
    if (step.t + 1 == problem.horizon) {
      const at::Tensor actions = at::stack(steps, 1);  // [B * S, T, A]
      iterations.push_back(actions.unflatten(0, {problem.start.size(), -1}));
      steps.clear();
    }
    return at::zeros({step.next.size()});
  }});
  solve(options, problem);
  return iterations;
}

bool contains(const at::Tensor& candidates, const at::Tensor& proposals) {
  const at::Tensor same = (candidates.unsqueeze(2) == proposals.unsqueeze(1)).flatten(3).all(3);
  return same.any(1).all().item<bool>();
}

// All planners, each with a problem of its kind of actions.
class Proposals : public testing::TestWithParam<std::string> {
 protected:
  bool discrete() const { return GetParam() == "categorical-cem"; }
  PlanningProblem problem() {
    return discrete() ? discrete_problem(discrete_world_) : linear_problem(world_, starts());
  }
  // Within the limits, [B, 3, T, A].
  at::Tensor proposals() {
    const PlanningProblem of = problem();
    const std::vector<int64_t> shape = {of.start.size(), 3, of.horizon, of.limits.size()};
    const at::Generator generator = at::detail::createCPUGenerator(1);
    if (discrete()) return at::randint(0, of.limits.choices, shape, generator, at::kLong);
    return at::randn(shape, generator, at::kFloat);
  }

  LinearWorld world_;
  DiscreteWorld discrete_world_;
};

INSTANTIATE_TEST_SUITE_P(Planning, Proposals, testing::ValuesIn(planner_names()),
                         test::planner_test_name);

TEST_P(Proposals, AreCandidatesOfTheFirstIterationAmongThoseThatAreDrawnWithoutThem) {
  const PlannerOptions options = hasty_options(GetParam());
  PlanningProblem with = problem();
  with.proposals = proposals();
  const std::vector<at::Tensor> plain = candidates_of(options, problem());
  const std::vector<at::Tensor> found = candidates_of(options, with);
  const int64_t drawn = plain[0].size(1);
  ASSERT_EQ(found[0].size(1), drawn + 3);
  EXPECT_TRUE(at::equal(found[0].narrow(1, 0, drawn), plain[0]));
  EXPECT_TRUE(at::equal(found[0].narrow(1, drawn, 3), with.proposals));
  // The gradient planner continues from all its initial sequences.
  EXPECT_EQ(found[1].size(1), plain[1].size(1) + (GetParam() == "gradient" ? 3 : 0));
}

TEST_P(Proposals, AGoodOneIsLearntFrom) {
  PlannerOptions thorough = hasty_options(GetParam());
  thorough.samples = 300;
  thorough.iterations = 30;
  thorough.learning_rate = 0.05;
  PlanningProblem with = problem();
  const Plan best = solve(thorough, with);
  const PlannerOptions hasty = hasty_options(GetParam());
  const at::Tensor cold = solve(hasty, with).cost;
  with.proposals = best.actions.unsqueeze(1);
  const Plan warm = solve(hasty, with);
  EXPECT_LT(warm.cost.sum().item<double>(), cold.sum().item<double>());
  // Planners that return the cheapest sequence return nothing more expensive.
  if (GetParam() == "cem" || GetParam() == "mppi") return;
  EXPECT_TRUE((warm.cost <= best.cost + 1e-5).all().item<bool>());
}

TEST_P(Proposals, KeepToTheLimitsAndFitTheProblem) {
  const PlannerOptions options = hasty_options(GetParam());
  PlanningProblem with = problem();
  with.proposals = proposals().narrow(2, 0, 1);
  EXPECT_THAT(input_error([&] { solve(options, with); }),
              HasSubstr(GetParam() + ": proposals of shape"));
  if (discrete()) {
    with.proposals = proposals() + 1;
    EXPECT_THAT(input_error([&] { solve(options, with); }),
                HasSubstr("proposals with values that are not int64 in [0, 2]"));
    return;
  }
  with.proposals = at::full_like(proposals(), NAN);
  EXPECT_THAT(input_error([&] { solve(options, with); }), HasSubstr("not finite"));
  with.limits.high.fill_(0.25);
  with.proposals = at::full_like(proposals(), 3.0);
  EXPECT_TRUE(contains(candidates_of(options, with)[0], at::full_like(proposals(), 0.25)));
}

// The frequency of each choice among the candidates [B, S, T, A] of a discrete search: [T,
// choices].
at::Tensor shares(const at::Tensor& candidates) {
  return at::one_hot(candidates, 3).to(at::kDouble).mean({0, 1, 3});
}

// 4 worlds x 3000 samples: a share of 1/3 has a standard error of 0.004.
TEST(Guesses, DecideOnlyTheStepsThatTheyKnowOfADiscretePlan) {
  DiscreteWorld world;
  PlanningProblem problem = discrete_problem(world);
  PlannerOptions options = hasty_options("categorical-cem");
  options.samples = 3000;
  const at::Tensor alike = at::full({6, 3}, 1.0 / 3.0, at::kDouble);
  EXPECT_LT(max_difference(shares(candidates_of(options, problem)[0]), alike), 0.02);
  problem.guess = at::ones({4, 2, 1}, at::kLong);
  const at::Tensor candidates = candidates_of(options, problem)[0];
  EXPECT_LT(max_difference(shares(candidates).narrow(0, 2, 4), alike.narrow(0, 2, 4)), 0.02);
  const at::Tensor around_it = at::tensor({1. / 6., 2. / 3., 1. / 6.}, at::kDouble).expand({2, 3});
  EXPECT_LT(max_difference(shares(candidates).narrow(0, 0, 2), around_it), 0.02);
  EXPECT_TRUE(at::equal(candidates.select(1, 0).narrow(1, 0, 2), problem.guess));
  // A finished plan gives no guess.
  problem.guess = at::ones({4, 0, 1}, at::kLong);
  EXPECT_LT(max_difference(shares(candidates_of(options, problem)[0]), alike), 0.02);
}

TEST(Guesses, AreFollowedByActionsOfZeroInAContinuousPlan) {
  LinearWorld world;
  PlanningProblem problem = linear_problem(world, starts());
  for (const char* name : {"cem", "icem", "mppi", "gradient"}) {
    SCOPED_TRACE(name);
    const PlannerOptions options = hasty_options(name);
    problem.guess = at::full({3, 2, 2}, 0.5F);
    const Plan short_guess = solve(options, problem);
    problem.guess = at::constant_pad_nd(problem.guess, {0, 0, 0, 3});
    EXPECT_TRUE(at::equal(solve(options, problem).actions, short_guess.actions));
  }
}

// [iterations], of the distribution that most candidates of each are drawn from.
std::vector<double> spreads(const PlannerOptions& options) {
  LinearWorld world;
  std::vector<double> out;
  const std::vector<at::Tensor> all = candidates_of(options, linear_problem(world, starts()));
  for (size_t i = 0; i + 1 < all.size(); ++i) {
    out.push_back(all[i].narrow(1, 0, options.samples).std(1).mean().item<double>());
  }
  return out;
}

TEST(SpreadBounds, HoldInEveryIteration) {
  for (const char* name : {"cem", "icem", "mppi"}) {
    SCOPED_TRACE(name);
    PlannerOptions options = hasty_options(name);
    options.samples = 2000;
    options.elites = 20;
    options.iterations = 8;
    options.noise_beta = 0.0;
    options.kept_elites = 0;
    const std::vector<double> free = spreads(options);
    EXPECT_NEAR(free.front(), 1.0, 0.02);
    EXPECT_LT(free.back(), 0.1);
    options.min_std = 0.5;
    for (const double spread : spreads(options)) EXPECT_GT(spread, 0.49);
    options.min_std = 0.0;
    options.max_std = 0.25;
    EXPECT_NEAR(spreads(options).front(), 0.25, 0.01);
    for (const double spread : spreads(options)) EXPECT_LT(spread, 0.26);
  }
}

TEST(SpreadBounds, AreInOrder) {
  PlannerOptions options;
  options.min_std = 2.0;
  options.max_std = 1.0;
  EXPECT_THAT(input_error([&] { make_planner(options); }),
              HasSubstr("--min-std is 2, expected at most --max-std, which is 1"));
  options.min_std = -0.5;
  EXPECT_THAT(input_error([&] { make_planner(options); }), HasSubstr("--min-std"));
}

}  // namespace
}  // namespace reverie
