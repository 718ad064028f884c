// The planners on worlds whose best plans are known: linear dynamics with quadratic costs, solved
// by a Riccati recursion, and a small discrete world, solved by trying everything.

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include <ATen/CPUGeneratorImpl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nn/pch.h"
#include "tests/errors.h"
#include "tests/tensors.h"
#include "tests/worldmodel/planning_worlds.h"
#include "worldmodel/planning/candidate_search.h"
#include "worldmodel/planning/planner.h"
#include "worldmodel/planning/planners.h"

namespace reverie {
namespace {

using test::discrete_problem;
using test::DiscreteWorld;
using test::input_error;
using test::linear_problem;
using test::LinearWorld;
using test::max_difference;
using test::run_error;
using test::starts;
using testing::HasSubstr;

PlanningCost step_cost(std::function<at::Tensor(const CandidateStep&)> cost) {
  return {.parts = {{.step = std::move(cost)}}};
}

PlannerOptions options_of(const std::string& planner) {
  PlannerOptions options;
  options.planner = planner;
  if (planner == "gradient") {
    options.samples = 8;
    options.iterations = 100;
  }
  // The best plans of this world are jagged: smooth noise would take longer to find them.
  if (planner == "icem") options.noise_beta = 0.0;
  return options;
}

Plan plan_with(const PlannerOptions& options, const PlanningProblem& problem, uint64_t seed = 1) {
  Rng rng(seed);
  return make_planner(options)->plan(problem, rng);
}

// The excess of a plan's cost over the minimum, as a share of the minimum.
double excess(const Plan& plan, const at::Tensor& least) {
  return (plan.cost.to(at::kDouble) / least - 1.0).max().item<double>();
}

class ContinuousPlanner : public testing::TestWithParam<const char*> {
 protected:
  PlannerOptions options_ = options_of(GetParam());
  LinearWorld world_;
};

INSTANTIATE_TEST_SUITE_P(Planning, ContinuousPlanner,
                         testing::Values("cem", "icem", "mppi", "gradient"),
                         [](const auto& planner) { return std::string(planner.param); });

// Over 20 seeds the mean excess of the worst world is 0.6 % for CEM, 0.05 % for iCEM with white
// noise, 0.4 % for MPPI and 0.02 % for gradients.
TEST_P(ContinuousPlanner, FindsTheLeastCostOfALinearQuadraticWorld) {
  const std::map<std::string, double> bounds = {
      {"cem", 0.02}, {"icem", 0.005}, {"mppi", 0.02}, {"gradient", 0.001}};
  const PlanningProblem problem = linear_problem(world_, starts());
  const at::Tensor least = world_.least_cost(starts(), problem.horizon);
  const at::Tensor idle = CandidateCosts(problem)(at::zeros({3, 1, 5, 2})).squeeze(1);
  EXPECT_GT((idle / least).min().item<double>(), 2.0);  // it takes some doing
  double mean_excess = 0.0;
  constexpr int kSeeds = 10;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const Plan plan = plan_with(options_, problem, seed);
    EXPECT_EQ(plan.actions.sizes(), at::IntArrayRef({3, 5, 2}));
    EXPECT_EQ(plan.cost.scalar_type(), at::kFloat);
    EXPECT_GT(excess(plan, least), -1e-5);
    EXPECT_LT(excess(plan, least), 0.05) << "seed " << seed;
    mean_excess += excess(plan, least) / kSeeds;
    const at::Tensor again = CandidateCosts(problem)(plan.actions.unsqueeze(1)).squeeze(1);
    EXPECT_LT(max_difference(again, plan.cost), 1e-5);
  }
  EXPECT_LT(mean_excess, bounds.at(options_.planner));
}

TEST_P(ContinuousPlanner, WorldsOfABatchDoNotMix) {
  const PlanningProblem problem = linear_problem(world_, starts());
  at::Tensor others = starts();
  others[0].fill_(5.0);
  others[2].fill_(-3.0);
  const Plan plan = plan_with(options_, problem);
  const Plan changed = plan_with(options_, linear_problem(world_, others));
  EXPECT_LT(max_difference(plan.actions[1], changed.actions[1]), 1e-6);
  EXPECT_GT(max_difference(plan.actions[0], changed.actions[0]), 0.1);
}

TEST_P(ContinuousPlanner, KeepsToTheLimitsAndUsesThem) {
  PlanningProblem problem = linear_problem(world_, starts());
  problem.limits.low = at::tensor({-0.4F, -0.1F});
  problem.limits.high = at::tensor({0.2F, 0.3F});
  problem.guess = at::full({3, 5, 2}, 7.0);
  const Plan plan = plan_with(options_, problem);
  EXPECT_TRUE((plan.actions >= problem.limits.low).all().item<bool>());
  EXPECT_TRUE((plan.actions <= problem.limits.high).all().item<bool>());
  // The first world's first mass is at 1 and must go down as fast as the limits allow.
  EXPECT_NEAR(plan.actions[0][0][0].item<double>(), -0.4, 0.02);
  // No higher costs than those of a finer search.
  PlannerOptions finer = options_of("gradient");
  finer.iterations = 1000;
  finer.learning_rate = 0.01;
  EXPECT_LT(excess(plan, plan_with(finer, problem).cost), 0.01);
}

TEST_P(ContinuousPlanner, AGuessSavesIterations) {
  PlanningProblem problem = linear_problem(world_, starts());
  const at::Tensor least = world_.least_cost(starts(), problem.horizon);
  const at::Tensor guess = plan_with(options_, problem).actions;
  options_.iterations = 2;
  options_.initial_std = 0.05;
  const double cold = excess(plan_with(options_, problem), least);
  problem.guess = guess;
  const double warm = excess(plan_with(options_, problem), least);
  EXPECT_GT(cold, 0.05);
  EXPECT_LT(warm, 0.01);
}

TEST_P(ContinuousPlanner, TheGeneratorDecidesThePlan) {
  const PlanningProblem problem = linear_problem(world_, starts());
  options_.iterations = 3;
  const auto planner = make_planner(options_);
  Rng rng(7);
  Rng same(7);
  const Plan first = planner->plan(problem, rng);
  EXPECT_TRUE(at::equal(first.actions, planner->plan(problem, same).actions));
  EXPECT_EQ(rng.state(), same.state());
  EXPECT_FALSE(at::equal(first.actions, planner->plan(problem, rng).actions));
}

TEST_P(ContinuousPlanner, RecordsGradientsOnlyWhereItNeedsThem) {
  world_.g.requires_grad_(true);
  const Plan plan = plan_with(options_, linear_problem(world_, starts()));
  EXPECT_FALSE(plan.actions.requires_grad());
  EXPECT_FALSE(plan.cost.requires_grad());
  EXPECT_EQ(world_.recorded_gradients, options_.planner == "gradient");
  EXPECT_FALSE(world_.g.grad().defined());
}

TEST_P(ContinuousPlanner, HorizonsOfOneStep) {
  PlanningProblem problem = linear_problem(world_, starts());
  problem.horizon = 1;
  EXPECT_LT(excess(plan_with(options_, problem), world_.least_cost(starts(), 1)), 0.01);
}

TEST_P(ContinuousPlanner, ProblemsThatDoNotFitAreRefused) {
  PlanningProblem problem = linear_problem(world_, starts());
  problem.guess = at::zeros({3, 6, 2});
  EXPECT_THAT(input_error([&] { plan_with(options_, problem); }),
              HasSubstr(options_.planner + ": a guess of shape 3x6x2, expected 3x5x2"));
  problem.guess = at::full({3, 5, 2}, NAN);
  EXPECT_THAT(input_error([&] { plan_with(options_, problem); }), HasSubstr("not finite"));
  problem.guess = at::Tensor();
  problem.limits.choices = 3;
  EXPECT_THAT(input_error([&] { plan_with(options_, problem); }),
              HasSubstr("these are discrete; use categorical-cem"));
  problem.limits.choices = 0;
  problem.limits.low = at::tensor({11.F, 0.F});
  EXPECT_THAT(input_error([&] { plan_with(options_, problem); }), HasSubstr("not low <= high"));
  problem.limits.low = at::zeros({3});
  EXPECT_THAT(input_error([&] { plan_with(options_, problem); }), HasSubstr("same size"));
  problem.limits.low = at::tensor({-1.F, -1.F});
  problem.horizon = 0;
  EXPECT_THAT(input_error([&] { plan_with(options_, problem); }), HasSubstr("horizon of 0 steps"));
  problem.horizon = 1000;
  options_.samples = 1048576;
  EXPECT_THAT(input_error([&] { plan_with(options_, problem); }), HasSubstr("lower --samples"));
}

TEST_P(ContinuousPlanner, CostsThatAreNotFinite) {
  PlanningProblem problem = linear_problem(world_, starts());
  // Candidates that push the first mass hard make the model's numbers overflow.
  problem.cost = step_cost([&](const CandidateStep& step) {
    const at::Tensor cost = world_.cost(step.next.z, step.action);
    return at::where(step.action.select(1, 0).abs() > 2.0, at::full_like(cost, NAN), cost);
  });
  const at::Tensor least = world_.least_cost(starts(), problem.horizon);
  EXPECT_LT(excess(plan_with(options_, problem), least), 0.3);
  problem.cost =
      step_cost([](const CandidateStep& step) { return at::full({step.next.size()}, NAN); });
  if (options_.planner == "gradient") {  // there is nothing to differentiate
    EXPECT_THAT(input_error([&] { plan_with(options_, problem); }),
                HasSubstr("gradient: this cost has no gradient by the actions"));
    return;
  }
  EXPECT_THAT(run_error([&] { plan_with(options_, problem); }),
              HasSubstr(options_.planner + ": the model's cost of the plan is not finite"));
}

// Costs that are finite only near the guess, where few candidates are.
TEST_P(ContinuousPlanner, FewerFiniteCandidatesThanElites) {
  for (const double elsewhere : {double(NAN), double(INFINITY), -double(INFINITY)}) {
    PlanningProblem problem = linear_problem(world_, starts());
    problem.guess = at::full({3, 5, 2}, 0.5);
    int64_t most = 0;
    problem.cost = step_cost([&](const CandidateStep& step) {
      const at::Tensor is_near = ((step.action - 0.5).abs() < 0.3).all(1);
      // In the first round, candidates come from a wide distribution.
      if (most == 0) most = is_near.view({3, -1}).sum(1).max().item<int64_t>();
      const at::Tensor cost = world_.cost(step.next.z, step.action);
      return at::where(is_near, cost, at::full_like(cost, elsewhere));
    });
    const Plan plan = plan_with(options_, problem);
    EXPECT_GE(most, 1);
    EXPECT_LT(most, 30);
    EXPECT_LT(max_difference(plan.actions, problem.guess), 0.3) << elsewhere;
  }
}

TEST(Planning, ElitesOfInfiniteCostAreTheCheapest) {
  const double infinity = INFINITY;
  const at::Tensor actions = at::arange(10, at::kFloat).view({2, 5, 1, 1});
  const at::Tensor cost =
      at::tensor({3.0, infinity, 1.0, infinity, infinity, 5.0, 4.0, 3.0, 2.0, 1.0}).view({2, 5});
  const Elites elites = select_elites(actions, cost, 4);
  EXPECT_TRUE(at::equal(elites.actions.view({2, 4}),
                        at::tensor({2.F, 0.F, 2.F, 2.F, 9.F, 8.F, 7.F, 6.F}).view({2, 4})));
  EXPECT_TRUE(at::equal(elites.cost,
                        at::tensor({1., 3., 1., 1., 1., 2., 3., 4.}, at::kDouble).view({2, 4})));
  const Elites none = select_elites(actions, at::full({2, 5}, infinity), 2);
  EXPECT_FALSE(at::isfinite(none.cost).any().item<bool>());
}

// The candidates of a search over one step in one world: of each round its candidates [S, 2] and
// their costs [S]; what came out is the last.
struct Round {
  at::Tensor actions, cost;
};

std::vector<Round> rounds_of(const PlannerOptions& options, const at::Tensor& guess) {
  LinearWorld world;
  std::vector<Round> rounds;
  PlanningProblem problem = linear_problem(world, starts().narrow(0, 0, 1));
  problem.horizon = 1;
  problem.guess = guess;
  problem.cost = step_cost([&](const CandidateStep& step) {
    rounds.push_back({step.action.clone(), world.cost(step.next.z, step.action)});
    return rounds.back().cost;
  });
  const Plan plan = plan_with(options, problem);
  EXPECT_LT(max_difference(plan.actions.view({1, 2}), rounds.back().actions), 1e-6);
  return rounds;
}

at::Tensor one_guess() { return at::tensor({0.4F, -0.3F}).view({1, 1, 2}); }

at::Tensor elites_of(const Round& round, int64_t count) {
  return round.actions.index_select(0, round.cost.argsort().narrow(0, 0, count));
}

TEST(Planning, CemFitsItsCandidatesToTheElites) {
  PlannerOptions options;
  options.iterations = 2;
  const std::vector<Round> rounds = rounds_of(options, one_guess());
  ASSERT_EQ(rounds.size(), 3U);
  EXPECT_TRUE(at::equal(rounds[0].actions[0], one_guess().flatten()));
  EXPECT_LT(max_difference(rounds[0].actions.mean(0), one_guess().flatten()), 0.15);
  EXPECT_LT(max_difference(rounds[0].actions.std(0), at::ones({2})), 0.15);
  const at::Tensor first = elites_of(rounds[0], 30);
  EXPECT_LT(max_difference(rounds[1].actions[0], first.mean(0)), 1e-6);
  EXPECT_LT(max_difference(rounds[1].actions.std(0) / first.std(0), at::ones({2})), 0.15);
  EXPECT_LT(max_difference(rounds[2].actions[0], elites_of(rounds[1], 30).mean(0)), 1e-6);
}

TEST(Planning, MppiWeighsItsElites) {
  PlannerOptions options = options_of("mppi");
  options.iterations = 2;
  options.temperature = 0.7;
  const std::vector<Round> rounds = rounds_of(options, one_guess());
  const at::Tensor elites = elites_of(rounds[0], 30);
  const at::Tensor cost = std::get<0>(rounds[0].cost.sort()).narrow(0, 0, 30);
  const at::Tensor weight = at::exp(-(cost - cost[0]) / (0.7 * cost.std())).unsqueeze(1);
  const at::Tensor mean = (weight * elites).sum(0) / weight.sum();
  EXPECT_LT(max_difference(rounds[1].actions[0], mean), 1e-5);
  EXPECT_GT(max_difference(elites.mean(0), mean), 0.01);
}

struct Moments {
  at::Tensor mean, std;  // [2]
};

// The distribution that the documentation of the planners fits to the K cheapest of a round.
Moments fitted(const PlannerOptions& options, const Round& round) {
  const at::Tensor elites = elites_of(round, options.elites);
  if (options.planner == "mppi") {
    const at::Tensor cost = std::get<0>(round.cost.sort()).narrow(0, 0, options.elites);
    const at::Tensor unscaled = at::exp(-(cost - cost[0]) / (options.temperature * cost.std()));
    const at::Tensor weight = (unscaled / unscaled.sum()).unsqueeze(1);
    const at::Tensor mean = (weight * elites).sum(0);
    const at::Tensor variance =
        (weight * (elites - mean).square()).sum(0) / (1.0 - weight.square().sum());
    return {mean, variance.sqrt()};
  }
  const double keep = options.planner == "icem" ? options.momentum : 0.0;
  return {keep * one_guess().flatten() + (1.0 - keep) * elites.mean(0),
          keep * options.initial_std + (1.0 - keep) * elites.std(0, /*unbiased=*/true)};
}

// So few elites that a variance divided by K instead of K - 1 shows, and so many candidates that
// their moments are those of the distribution they are drawn from.
TEST(Planning, TheSecondRoundIsDrawnFromWhatTheFirstOnesElitesGive) {
  for (const char* planner : {"cem", "icem", "mppi"}) {
    SCOPED_TRACE(planner);
    PlannerOptions options = options_of(planner);
    options.samples = 40000;
    options.elites = 5;
    options.kept_elites = 0;
    options.iterations = 2;
    options.initial_std = 0.8;
    options.momentum = 0.3;
    options.temperature = 0.7;
    const std::vector<Round> rounds = rounds_of(options, one_guess());
    const Moments expected = fitted(options, rounds[0]);
    const at::Tensor drawn = rounds[1].actions;
    // Six standard errors; the mean itself is among the candidates.
    const double error = 6.0 / std::sqrt(static_cast<double>(options.samples));
    EXPECT_LT(max_difference(drawn.mean(0) / expected.std, expected.mean / expected.std), error);
    EXPECT_LT(max_difference(drawn.std(0) / expected.std, at::ones({2})), error);
  }
}

TEST(Planning, IcemKeepsElitesAndLetsSamplesDecay) {
  PlannerOptions options = options_of("icem");
  options.iterations = 4;
  options.sample_decay = 2.0;
  const std::vector<Round> rounds = rounds_of(options, one_guess());
  std::vector<int64_t> candidates;
  for (const Round& round : rounds) candidates.push_back(round.cost.size(0));
  // The mean takes part in the first and the last round, five elites from the second on; there are
  // twice as many samples as elites at least.
  EXPECT_EQ(candidates, (std::vector<int64_t>{300 + 1, 150 + 5, 75 + 5, 60 + 5 + 1, 1}));
  EXPECT_TRUE(at::equal(rounds[0].actions[300], one_guess().flatten()));
  at::Tensor mean = one_guess().flatten();
  for (size_t i = 1; i < 4; ++i) {
    const at::Tensor kept = rounds[i].actions.narrow(0, candidates[i] - 5, 5);
    EXPECT_TRUE(at::equal(kept, elites_of(rounds[i - 1], 5))) << i;
    mean = 0.1 * mean + 0.9 * elites_of(rounds[i - 1], 30).mean(0);
  }
  EXPECT_LT(max_difference(rounds[3].actions[60], mean), 1e-6);
  EXPECT_TRUE(at::equal(rounds[4].actions, elites_of(rounds[3], 1)));
}

TEST(Planning, IcemsCandidatesAreColouredInTime) {
  LinearWorld world;
  PlanningProblem problem = linear_problem(world, starts());
  problem.horizon = 12;
  std::vector<at::Tensor> steps;
  problem.cost = step_cost([&](const CandidateStep& step) {
    if (steps.size() < 12) steps.push_back(step.action.flatten().clone());
    return world.cost(step.next.z, step.action);
  });
  PlannerOptions options = options_of("icem");
  options.noise_beta = 2.0;
  plan_with(options, problem);
  const at::Tensor candidates = at::stack(steps);  // [T, 3 * 301 * 2]
  const at::Tensor covariance =
      at::matmul(candidates, candidates.t()) / static_cast<double>(candidates.size(1));
  const at::Tensor basis = coloured_noise_basis(12, 2.0);
  EXPECT_LT(max_difference(covariance, at::matmul(basis, basis.t())), 0.15);
  EXPECT_GT(covariance[0][1].item<double>(), 0.5);
}

TEST(Planning, TheGradientPlannerWantsGradients) {
  LinearWorld world;
  // A cost of something other than the actions.
  PlanningProblem of_others = linear_problem(world, starts());
  const at::Tensor weight = at::ones({}).requires_grad_(true);
  of_others.cost =
      step_cost([&](const CandidateStep& step) { return weight * at::ones({step.next.size()}); });
  EXPECT_THAT(input_error([&] { plan_with(options_of("gradient"), of_others); }),
              HasSubstr("gradient: this cost has no gradient by the actions"));
  world.has_gradients = false;
  const PlanningProblem problem = linear_problem(world, starts());
  EXPECT_THAT(input_error([&] { plan_with(options_of("gradient"), problem); }),
              HasSubstr("gradient: these dynamics have no gradients"));
  plan_with(options_of("cem"), problem);
}

TEST(Planning, TheGradientPlannerJudgesWhatKeepsToTheLimitsAndItsLastStep) {
  LinearWorld world;
  PlanningProblem problem = linear_problem(world, starts(), /*limit=*/0.2F);
  double greatest = 0.0;
  problem.cost = step_cost([&](const CandidateStep& step) {
    greatest = std::max(greatest, step.action.abs().max().item<double>());
    return world.cost(step.next.z, step.action);
  });
  plan_with(options_of("gradient"), problem);
  EXPECT_NEAR(greatest, 0.2, 1e-6);

  // Adam's first step moves each action by the learning rate; before it all are nearly 0.
  PlannerOptions once = options_of("gradient");
  once.iterations = 1;
  once.initial_std = 1e-6;
  once.learning_rate = 0.01;
  const Plan plan = plan_with(once, linear_problem(world, starts()));
  EXPECT_NEAR(plan.actions.abs().mean().item<double>(), 0.01, 1e-3);
}

TEST(Planning, IcemNeverLosesItsGuess) {
  LinearWorld world;
  PlanningProblem problem = linear_problem(world, starts());
  problem.guess = plan_with(options_of("icem"), problem).actions;
  const at::Tensor before = CandidateCosts(problem)(problem.guess.unsqueeze(1)).squeeze(1);
  PlannerOptions options = options_of("icem");
  options.samples = 4;
  options.elites = 2;
  options.kept_elites = 1;
  options.iterations = 3;
  options.initial_std = 3.0;
  EXPECT_TRUE((plan_with(options, problem).cost <= before + 1e-6).all().item<bool>());
}

TEST(ColouredNoise, HasTheSpectrumItSays) {
  for (const int64_t steps : {1, 2, 7, 16}) {
    for (const double beta : {0.0, 1.0, 2.5}) {
      SCOPED_TRACE(fmt::format("{} steps, beta {}", steps, beta));
      const at::Generator generator = at::detail::createCPUGenerator(11);
      const at::Tensor white = at::randn({steps, 40000}, generator, at::kFloat);
      const at::Tensor noise = at::matmul(coloured_noise_basis(steps, beta), white);
      EXPECT_LT(max_difference(noise.var(1), at::ones({steps})), 0.04);
      const at::Tensor power = at::fft_rfft(noise, {}, 0).abs().square().mean(1);
      for (int64_t k = 1; k < power.size(0); ++k) {
        const double expected = std::pow(static_cast<double>(k), -beta);
        EXPECT_NEAR((power[k] / power[1]).item<double>() / expected, 1.0, 0.04) << k;
      }
      EXPECT_NEAR((power[0] / power[std::min<int64_t>(1, steps - 1)]).item<double>(), 1.0, 0.04);
    }
  }
}

TEST(CategoricalCem, FindsWhatTryingEverythingFinds) {
  DiscreteWorld world;
  PlanningProblem problem = discrete_problem(world);
  std::vector<int64_t> digits;  // all 3^6 sequences
  for (int64_t code = 0; code < 729; ++code) {
    int64_t rest = code;
    for (int64_t t = 0; t < 6; ++t, rest /= 3) digits.push_back(rest % 3);
  }
  const at::Tensor all = at::tensor(digits).view({1, 729, 6, 1}).expand({4, 729, 6, 1});
  const at::Tensor costs = CandidateCosts(problem)(all);
  const at::Tensor least = std::get<0>(costs.min(1));
  EXPECT_GT((costs.median() - least.max()).item<double>(), 5.0);

  PlannerOptions options = options_of("categorical-cem");
  options.samples = 100;
  options.smoothing = 0.02;
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    const Plan plan = plan_with(options, problem, seed);
    EXPECT_EQ(plan.actions.scalar_type(), at::kLong);
    EXPECT_LT(max_difference(plan.cost, least), 1e-5) << "seed " << seed;
    EXPECT_TRUE(at::equal(plan.actions, plan_with(options, problem, seed).actions));
  }

  // A round of few samples finds less, unless it starts from the best.
  problem.guess = plan_with(options, problem).actions;
  options.iterations = 1;
  options.samples = 10;
  options.elites = 2;
  EXPECT_LT(max_difference(plan_with(options, problem).cost, least), 1e-5);
  problem.guess = at::Tensor();
  EXPECT_GT(max_difference(plan_with(options, problem).cost, least), 0.05);
}

// One step and three choices, of which 0 is free: all elites of the first round choose it.
TEST(CategoricalCem, TheSecondRoundIsDrawnFromSmoothedFrequencies) {
  DiscreteWorld world;
  PlanningProblem problem = discrete_problem(world);
  problem.horizon = 1;
  std::vector<at::Tensor> rounds;  // choices [S of the first world]
  problem.cost = step_cost([&](const CandidateStep& step) {
    rounds.push_back(step.action.view({4, -1})[0].clone());
    return step.action.select(1, 0).to(at::kFloat);
  });
  PlannerOptions options = options_of("categorical-cem");
  options.samples = 20000;
  options.elites = 50;
  options.iterations = 2;
  options.momentum = 0.5;
  options.smoothing = 0.5;
  plan_with(options, problem);
  const double kept = 0.5 * (1.0 / 3.0);
  const double smoothed[] = {1.5 / 2.5, 0.5 / 2.5, 0.5 / 2.5};  // (frequency + s) / (1 + 3 s)
  for (int64_t choice = 0; choice < 3; ++choice) {
    const double drawn = (rounds.at(1) == choice).to(at::kDouble).mean().item<double>();
    EXPECT_NEAR(drawn, kept + 0.5 * smoothed[choice], 0.02) << choice;  // six standard errors
  }
}

TEST(CategoricalCem, FewerFiniteCandidatesThanElites) {
  DiscreteWorld world;
  PlanningProblem problem = discrete_problem(world);
  problem.guess = at::ones({4, 6, 1}, at::kLong);
  PlannerOptions options = options_of("categorical-cem");
  // One sequence of 729 has a finite cost, and the first round's elites teach only this one.
  std::vector<at::Tensor> drawn;
  options.iterations = 2;
  options.samples = 20;
  options.elites = 20;
  options.momentum = 0.0;
  problem.cost.parts.push_back({.step = [&](const CandidateStep& step) {
    drawn.push_back(step.action.clone());
    return at::where(step.action.select(1, 0) == 1, 0.0, double(NAN));
  }});
  const Plan plan = plan_with(options, problem);
  EXPECT_TRUE(at::equal(plan.actions, problem.guess));
  ASSERT_EQ(drawn.size(), 18U);
  EXPECT_FALSE((drawn[0] == 1).all().item<bool>());
  for (size_t i = 6; i < 12; ++i) EXPECT_TRUE((drawn[i] == 1).all().item<bool>());
}

TEST(CategoricalCem, ProblemsThatDoNotFitAreRefused) {
  LinearWorld world;
  const PlanningProblem continuous = linear_problem(world, starts());
  EXPECT_THAT(input_error([&] { plan_with(options_of("categorical-cem"), continuous); }),
              HasSubstr("these are continuous"));
  DiscreteWorld discrete_world;
  PlanningProblem problem = discrete_problem(discrete_world);
  problem.guess = at::full({4, 6, 1}, 3, at::kLong);
  EXPECT_THAT(input_error([&] { plan_with(options_of("categorical-cem"), problem); }),
              HasSubstr("a guess with values that are not int64 in [0, 2]"));
}

TEST(PlannerOptions, WhatDoesNotFitIsRefused) {
  const auto refusal = [](auto change) {
    PlannerOptions options;
    change(options);
    return input_error([&] { make_planner(options); });
  };
  EXPECT_THAT(refusal([](auto& o) { o.planner = "icme"; }), HasSubstr("did you mean 'icem'"));
  EXPECT_THAT(refusal([](auto& o) { o.elites = 301; }),
              HasSubstr("--elites is 301, expected at most --samples, which is 300"));
  EXPECT_THAT(refusal([](auto& o) {
                o.planner = "icem";
                o.kept_elites = 31;
              }),
              HasSubstr("--kept-elites is 31, expected at most --elites, which is 30"));
  EXPECT_THAT(refusal([](auto& o) { o.iterations = 0; }), HasSubstr("--iterations"));
  EXPECT_THAT(refusal([](auto& o) { o.elites = 1; }), HasSubstr("--elites"));
  EXPECT_THAT(refusal([](auto& o) { o.initial_std = NAN; }), HasSubstr("--initial-std"));
  EXPECT_THAT(refusal([](auto& o) { o.temperature = 0.0; }), HasSubstr("--temperature"));
  EXPECT_THAT(refusal([](auto& o) { o.momentum = 1.0; }), HasSubstr("--momentum"));
}

TEST(PlannerOptions, EveryPlannerHasAName) {
  for (const std::string& name : planner_names())
    EXPECT_NE(make_planner(options_of(name)), nullptr);
}

}  // namespace
}  // namespace reverie
