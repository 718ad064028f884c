// Rewards as formulas against the environments whose rewards they describe.

#include "envs/wrappers/formula_reward.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "envs/wrappers/wrapped_config.h"
#include "tests/envs/episode_fixture.h"
#include "tests/errors.h"

namespace reverie {
namespace {

using test::input_error;
using test::run_error;
using testing::AllOf;
using testing::HasSubstr;

TestEnv with_reward(std::string_view id, const std::string& reward) {
  return TestEnv(id, {{"reward", reward}});
}

// dm_control's and ExoRL's rewards are tested against recordings; a formula over the same simulator
// must give them.
TEST(FormulaRewardTest, NamedRewardsOfTheCheetahEqualItsTasks) {
  for (const char* name : {"run", "run-backward", "walk", "flip", "flip-backward"}) {
    const std::string id = std::string("cheetah-") + name;
    TestEnv task(id);
    TestEnv other = with_reward(id == "cheetah-run" ? "cheetah-walk" : "cheetah-run", name);
    task.reset(5);
    other.reset(5);
    Rng rng(1);
    double sum = 0.0;
    for (int t = 0; t < 200; ++t) {
      std::vector<double> action(6);
      for (double& a : action) a = rng.uniform(-1.0, 1.0);
      const double expected = task.step(action).reward;
      EXPECT_NEAR(other.step(action).reward, expected, 1e-12) << id << ", step " << t;
      EXPECT_NEAR(*other->physics()->reward(), expected, 1e-12) << id << ", step " << t;
      sum += expected;
    }
    EXPECT_GT(sum, 0.1) << id << ": the comparison must see rewards";
  }
}

TEST(FormulaRewardTest, TheMazesDistanceIsThatOfItsDenseReward) {
  TestEnv dense("maze2d-umaze-dense");
  TestEnv other = with_reward("maze2d-umaze", "exp(-distance)");
  TestEnv by_hand = with_reward("maze2d-umaze", "exp(-sqrt((qpos_0 - goal_x)^2 + (y - goal_y)^2))");
  for (TestEnv* env : {&dense, &other, &by_hand}) env->reset(3);
  Rng rng(2);
  for (int t = 0; t < 50; ++t) {
    const std::vector<float> action = {static_cast<float>(rng.uniform(-1.0, 1.0)), 1.0F};
    const double expected = dense.step(action).reward;
    EXPECT_NEAR(other.step(action).reward, expected, 1e-12);
    EXPECT_NEAR(by_hand.step(action).reward, expected, 1e-12);
  }
  const std::vector<double> place = {1.0, 2.0};
  dense.set_physics("qpos", place);
  other.set_physics("qpos", place);
  EXPECT_NEAR(*other->physics()->reward(), *dense->physics()->reward(), 1e-12);
}

TEST(FormulaRewardTest, TheGoalsRewardIsTheMazesOwn) {
  for (const std::string id : {"maze2d-umaze", "maze2d-medium-dense", "pointmaze-umaze"}) {
    TestEnv own(id), named = with_reward(id, "goal");
    own.reset(3);
    named.reset(3);
    std::vector<double> goal(2);
    own->physics()->get("desired_goal", goal);
    // Beyond, within and at the goal's radius of both layouts, 0.5 and 0.45 m.
    for (const double away : {0.6, 0.47, 0.2}) {
      const std::vector<double> place = {goal[0] + away, goal[1]};
      own.set_physics("qpos", place);
      named.set_physics("qpos", place);
      EXPECT_NEAR(*named->physics()->reward(), *own->physics()->reward(), 1e-12) << id << away;
    }
  }
}

TEST(FormulaRewardTest, QuantitiesAreTheStates) {
  TestEnv env = with_reward("maze2d-umaze", "10 * vx + vy");
  env.reset(0);
  env.set_physics("qvel", {0.5, -0.25});
  EXPECT_DOUBLE_EQ(*env->physics()->reward(), 4.75);
}

// Reaching a goal gives a new one; the step is rewarded for the old one.
TEST(FormulaRewardTest, TheGoalIsTheOneThatTheStepPursued) {
  const TestEnv::Options moving = {{"reset_target", "true"}};
  TestEnv own("pointmaze-medium", moving);
  TestEnv formula("pointmaze-medium",
                  {{"reset_target", "true"}, {"reward", "distance <= 0.45 ? 1 : 0"}});
  own.reset(2);
  formula.reset(2);
  int reached = 0;
  for (int t = 0; t < 6; ++t) {
    const std::vector<double> goal = own.physics("desired_goal");
    EXPECT_EQ(formula.physics("desired_goal"), goal) << t;
    if (t % 2 == 1) {
      own.set_physics("qpos", goal);
      formula.set_physics("qpos", goal);
    }
    const double expected = own.step(std::vector<float>{0.1F, 0.0F}).reward;
    EXPECT_EQ(formula.step(std::vector<float>{0.1F, 0.0F}).reward, expected) << t;
    reached += expected == 1.0 ? 1 : 0;
  }
  EXPECT_GE(reached, 3);
  EXPECT_NE(own.physics("desired_goal"), own.physics("qpos"));
}

TEST(FormulaRewardTest, ReadsActionsWithinTheirBounds) {
  TestEnv env = with_reward("half-cheetah", "100 * action_0 + action_5");
  env.reset(0);
  EXPECT_FLOAT_EQ(env.step(std::vector<float>{0.5F, 0, 0, 0, 0, -3.0F}).reward, 49.0);
  EXPECT_FALSE(env->physics()->reward()) << "a state has no action";
  TestEnv discrete = with_reward("car-racing-discrete", "action_0");
  discrete.reset(0);
  EXPECT_EQ(discrete.step(std::vector<int64_t>{3}).reward, 3.0);
}

TEST(FormulaRewardTest, CountsAtEveryStepOfAFrameSkip) {
  TestEnv single = with_reward("cheetah-run", "speed");
  TestEnv skipping("cheetah-run", {{"reward", "speed"}, {"frame_skip", "2"}});
  single.reset(0);
  skipping.reset(0);
  const std::vector<double> action = {1, -1, 1, 0, 0.5, 1};
  const double first = single.step(action).reward;
  const double sum = first + single.step(action).reward;
  EXPECT_NE(first, 0.0);
  EXPECT_DOUBLE_EQ(skipping.step(action).reward, sum);
}

TEST(FormulaRewardTest, DropsWhatBelongsToTheOwnReward) {
  TestEnv env = with_reward("maze2d-umaze", "x");
  EXPECT_FALSE(env->spec().reference) << "normalised scores are of the own reward";
  const double place[] = {1.0, 1.0};
  EXPECT_FALSE(env->physics()->outcome(place, place)) << "a formula has no other goals";
  EXPECT_THAT(env->spec().source, HasSubstr("reward x"));
}

TEST(FormulaRewardTest, AnotherEnvironmentKeepsItsOwn) {
  const std::unique_ptr<EnvConfig> from = find_env("cheetah-run").config();
  const std::unique_ptr<EnvConfig> to = find_env("cheetah-walk").config();
  from->set_option("reward", "z");
  from->set_option("frame_skip", "2");
  copy_wrappers(*from, *to);
  const EnvSpec spec = to->spec();
  EXPECT_THAT(spec.source, AllOf(HasSubstr("frame_skip 2"), testing::Not(HasSubstr("reward"))));
}

TEST(FormulaRewardTest, RefusesWhatItCannotCompute) {
  EXPECT_THAT(input_error([] { with_reward("cheetah-run", "runs"); }),
              AllOf(HasSubstr("--reward"), HasSubstr("run, run-backward"), HasSubstr("speed"),
                    HasSubstr("qpos_8"), HasSubstr("action_5")));
  EXPECT_THAT(input_error([] { with_reward("maze2d-umaze", "qpos_2"); }), HasSubstr("qpos_1"));
  EXPECT_THAT(input_error([] { with_reward("gridmaze-umaze", "1"); }), HasSubstr("no state"));
  TestEnv env = with_reward("maze2d-umaze", "1 / (x - x)");
  env.reset(0);
  EXPECT_THAT(run_error([&] { env.step(std::vector<float>{0, 0}); }), HasSubstr("the reward is"));
}

}  // namespace
}  // namespace reverie
