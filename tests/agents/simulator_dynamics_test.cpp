// The simulator as a model: it equals the environment to the bit, and planning in it reaches goals.

#include "agents/planning/simulator_dynamics.h"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nn/pch.h"
#include "tests/agents/point_env.h"
#include "tests/envs/episode_fixture.h"
#include "tests/errors.h"
#include "tests/tensors.h"
#include "worldmodel/planning/planner.h"

namespace reverie {
namespace {

using test::input_error;
using test::max_difference;
using testing::HasSubstr;

at::Tensor row_of(const std::vector<double>& numbers) { return at::tensor(numbers).unsqueeze(0); }

// [count, size] float32 in [-1, 1], repeatable.
at::Tensor random_actions(int64_t count, int64_t size, uint64_t seed) {
  Rng rng(seed);
  at::Tensor actions = at::empty({count, size}, at::kFloat);
  for (int64_t i = 0; i < actions.numel(); ++i) {
    actions.mutable_data_ptr<float>()[i] = static_cast<float>(rng.uniform(-1.0, 1.0));
  }
  return actions;
}

void step(TestEnv& env, const at::Tensor& action) {
  env.step(std::vector<float>{action[0].item<float>(), action[1].item<float>()});
}

TEST(SimulatorDynamics, IsTheEnvironmentToTheBit) {
  constexpr int64_t kRows = 7;
  constexpr int64_t kBlock = 3;
  const EnvMaker make = TestEnv::maker("maze2d-umaze");
  std::vector<TestEnv> envs;
  std::vector<at::Tensor> states;
  for (int64_t i = 0; i < kRows; ++i) {
    envs.emplace_back(make);
    envs.back().reset(static_cast<uint64_t>(i));
    states.push_back(row_of(envs.back()->state()));
  }
  for (const int threads : {1, 2, 3}) {
    SCOPED_TRACE(threads);
    SimulatorDynamics dynamics(make, threads, {"qvel", "qpos"});
    EXPECT_FALSE(dynamics.differentiable());
    LatentState latent = dynamics.start(at::cat(states));
    for (int64_t i = 0; i < kRows; ++i) {
      const auto k = static_cast<size_t>(i);
      envs[k]->set_state(
          {states[k].const_data_ptr<double>(), static_cast<size_t>(dynamics.state_size())});
    }
    for (uint64_t t = 0; t < 4; ++t) {
      const at::Tensor actions = random_actions(kRows, 2 * kBlock, t);
      latent = dynamics.predict(latent, actions);
      ASSERT_EQ(latent.h.sizes(), at::IntArrayRef({kRows, 4}));
      for (int64_t i = 0; i < kRows; ++i) {
        TestEnv& env = envs[static_cast<size_t>(i)];
        for (int64_t k = 0; k < kBlock; ++k) step(env, actions[i].narrow(0, 2 * k, 2));
        const at::Tensor state = latent.z[i].narrow(0, 0, dynamics.state_size());
        EXPECT_TRUE(at::equal(state, row_of(env->state()).squeeze(0)));
        EXPECT_EQ(latent.z[i][-1].item<double>(), 0.0);
        EXPECT_TRUE(at::equal(latent.h[i].narrow(0, 0, 2), at::tensor(env.physics("qvel"))));
        EXPECT_TRUE(at::equal(latent.h[i].narrow(0, 2, 2), at::tensor(env.physics("qpos"))));
      }
    }
  }
}

TEST(SimulatorDynamics, EpisodesThatEndStayWhereTheyEnded) {
  const EnvMaker make = TestEnv::maker("maze2d-umaze", {{"max_steps", "4"}});
  TestEnv env(make);
  env.reset(1);
  const at::Tensor first = row_of(env->state());
  step(env, at::tensor({0.5F, -0.5F}));
  const at::Tensor later = row_of(env->state());
  SimulatorDynamics dynamics(make);
  const at::Tensor action = at::full({2, 6}, 0.5F);  // three steps
  const LatentState once = dynamics.predict(dynamics.start(at::cat({first, later})), action);
  EXPECT_TRUE(at::equal(once.z.select(1, -1), at::tensor({0.0, 1.0})));
  for (int i = 0; i < 3; ++i) step(env, at::tensor({0.5F, 0.5F}));
  EXPECT_TRUE(at::equal(once.h[1], at::tensor(env.physics("qpos"))));
  const LatentState twice = dynamics.predict(once, action);
  EXPECT_TRUE(at::equal(twice.z.select(1, -1), at::tensor({1.0, 1.0})));
  EXPECT_TRUE(at::equal(twice.z[1], once.z[1]));
  EXPECT_TRUE(at::equal(twice.h[1], once.h[1]));
}

// CEM drives two balls at once to the places that a constant push leads to.
TEST(SimulatorDynamics, CemReachesAPositionNearby) {
  constexpr int64_t kHorizon = 5;
  constexpr int64_t kBlock = 5;
  const EnvMaker make = TestEnv::maker("maze2d-umaze");
  std::vector<at::Tensor> states;
  std::vector<at::Tensor> goals;
  double distance = 0.0;
  for (uint64_t seed = 0; seed < 2; ++seed) {
    TestEnv env(make);
    env.reset(seed);
    states.push_back(row_of(env->state()));
    const at::Tensor origin = at::tensor(env.physics("qpos"));
    for (int i = 0; i < kHorizon * kBlock; ++i) step(env, at::tensor({0.6F, -0.4F}));
    goals.push_back(row_of(env.physics("qpos")));
    distance = std::max(distance, (goals.back() - origin).norm().item<double>());
  }
  EXPECT_GT(distance, 0.3);  // [m]

  SimulatorDynamics dynamics(make, 2);
  const at::Tensor goal = at::cat(goals);
  const auto cost = [&](const LatentState& last) {
    return (last.h - goal.repeat_interleave(last.size() / 2, 0)).square().sum(1);
  };
  const PlanningProblem problem{
      .dynamics = dynamics,
      .start = dynamics.start(at::cat(states)),
      .cost = {.parts = {{.end = cost}}},
      .limits = {at::full({2 * kBlock}, -1.F), at::full({2 * kBlock}, 1.F)},
      .horizon = kHorizon};
  PlannerOptions options;
  options.samples = 60;
  options.elites = 10;
  options.iterations = 10;
  Rng rng(1);
  const Plan plan = make_planner(options)->plan(problem, rng);
  for (int64_t i = 0; i < 2; ++i) {
    TestEnv env(make);
    env.reset(static_cast<uint64_t>(i));
    const at::Tensor actions = plan.actions[i].reshape({-1, 2});
    for (int64_t t = 0; t < actions.size(0); ++t) step(env, actions[t]);
    EXPECT_LT((at::tensor(env.physics("qpos")) - goal[i]).norm().item<double>(), 0.05) << i;
    EXPECT_LT(plan.cost[i].item<double>(), 0.05 * 0.05);
  }
}

TEST(SimulatorDynamics, WhatDoesNotFitIsRefused) {
  const EnvMaker make = TestEnv::maker("maze2d-umaze");
  EXPECT_THAT(input_error([&] { SimulatorDynamics(make, 1, {"qpso"}); }),
              AllOf(HasSubstr("physics part of maze2d-umaze"), HasSubstr("did you mean 'qpos'")));
  EXPECT_THAT(input_error([&] { SimulatorDynamics(make, 1, {}); }), HasSubstr("no physics part"));
  EXPECT_THAT(
      input_error([&] {
        SimulatorDynamics([] { return std::make_unique<test::PointEnv>(test::PointOptions{}); });
      }),
      HasSubstr("point: has no named physics parts"));

  SimulatorDynamics dynamics(make, 2);
  TestEnv env(make);
  env.reset(0);
  const at::Tensor states = row_of(env->state()).repeat({3, 1});
  EXPECT_THAT(input_error([&] { dynamics.start(states.narrow(1, 1, 3)); }),
              HasSubstr("expected [B, "));
  const LatentState start = dynamics.start(states);
  EXPECT_THAT(input_error([&] {
                dynamics.predict({states, {}}, at::zeros({3, 2}));
              }),
              HasSubstr("as start() makes them"));
  EXPECT_THAT(input_error([&] {
                dynamics.predict(start, at::zeros({3, 3}));
              }),
              HasSubstr("actions of shape 3x3, expected 3 rows of a multiple of 2 numbers"));
  EXPECT_THAT(input_error([&] {
                dynamics.predict(start, at::zeros({3, 2}, at::kLong));
              }),
              HasSubstr("actions of Long, expected float32"));
  at::Tensor actions = at::zeros({3, 2});
  actions[1].fill_(NAN);
  actions[2].fill_(NAN);
  EXPECT_THAT(input_error([&] { dynamics.predict(start, actions); }),
              HasSubstr("row 1 of 3: maze2d-umaze"));
  dynamics.predict(start, at::zeros({3, 2}));  // still usable
}

}  // namespace
}  // namespace reverie
