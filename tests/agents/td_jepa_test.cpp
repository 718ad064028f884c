#include "agents/td_jepa/td_jepa.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agents/zero_shot/feature_statistics.h"
#include "agents/zero_shot/orthonormality.h"
#include "nn/layers.h"
#include "nn/pch.h"
#include "tests/agents/golden_updates.h"
#include "tests/agents/two_states.h"
#include "tests/errors.h"

namespace reverie {
namespace {

using test::GoldenUpdates;
using test::max_difference;

TdJepaConfig small_td_jepa() {
  TdJepaConfig config;
  config.task_size = 5;
  config.state_size = 6;
  config.hidden_size = 12;
  config.learning_rate = 1e-3;
  config.state_learning_rate = 2e-3;
  config.task_learning_rate = 3e-3;
  config.actor_learning_rate = 5e-4;
  config.tau = 0.05;
  config.state_orthonormality = 0.3;
  config.orthonormality = 0.7;
  config.goal_numbers = {0, 2};
  return config;
}

// The twins of tests/golden/td_jepa.py.
void expect_pytorchs(const std::string& name, const TdJepaConfig& config) {
  GoldenUpdates golden("td_jepa", name);
  golden.expect_no_errors();
  golden.ignore({"task.goals", "task.rewards"});  // what the task of the data's reward is made from
  const int64_t goal = golden.get("probe.goals").size(1);
  const EnvSpec spec = test::task_spec({.state = 3, .action = 2, .goal = goal});
  const auto agent = config.make(spec, at::kCPU, 0);
  golden.begin(*agent);
  auto& learner = dynamic_cast<TransitionAgent&>(*agent);
  const std::vector<std::string> metrics = {"loss/prediction", "loss/orthonormality", "loss/actor"};
  golden.compare(learner, 1, metrics);
  golden.compare(learner, 10, metrics);
  const at::Tensor& obs = golden.get("probe.obs");
  const auto of_reward = test::copy_without_goals(*agent, config, spec);
  EXPECT_LT(max_difference(of_reward->actor(4, {}, 3)->act({{"observation", obs}}).action,
                           golden.get("probe.action_of_reward")),
            GoldenUpdates::kTolerance);
  const TensorMap with_goals{{"observation", obs}, {"desired_goal", golden.get("probe.goals")}};
  EXPECT_LT(max_difference(agent->actor(4, {}, 3)->act(with_goals).action,
                           golden.get("probe.action_of_goals")),
            GoldenUpdates::kTolerance);
}

TEST(TdJepaUpdate, IsPyTorchs) { expect_pytorchs("two_encoders", small_td_jepa()); }

TEST(TdJepaUpdate, IsPyTorchsWithWhitenedTasks) {
  TdJepaConfig config = small_td_jepa();
  config.whiten_tasks = true;
  expect_pytorchs("whitened", config);
}

TEST(TdJepaUpdate, IsPyTorchsWithOneEncoder) {
  TdJepaConfig config = small_td_jepa();
  config.symmetric = true;
  config.goal_numbers = {};
  expect_pytorchs("symmetric", config);
}

TdJepaConfig of_two_states() {
  TdJepaConfig config;
  config.task_size = 4;
  config.state_size = 8;
  config.hidden_size = 32;
  config.learning_rate = config.actor_learning_rate = 1e-3;
  config.state_learning_rate = config.task_learning_rate = 1e-3;
  config.gamma = 0.8;
  config.tau = 0.05;
  return config;
}

TEST(TdJepa, OneModelServesRewardsThatItDidNotLearnFrom) {
  test::expect_any_reward_of_two_states(of_two_states());
}

TEST(TdJepa, OneEncoderDoesToo) {
  TdJepaConfig config = of_two_states();
  config.symmetric = true;
  test::expect_any_reward_of_two_states(config);
}

// The policy of a goal stays there from the first step on, so its successor features are psi(g) /
// (1 - gamma), whatever psi is, and with z = psi(g) on the sphere the value is d / (1 - gamma).
TEST(TdJepa, SuccessorFeaturesOfAGoalAreThoseOfStayingThere) {
  const TdJepaConfig config = of_two_states();
  const auto agent =
      config.make(test::task_spec({.state = 1, .action = 1, .goal = 1}), at::kCPU, 2);
  Rng rng(3);
  for (int i = 0; i < 800; ++i) {
    dynamic_cast<TransitionAgent&>(*agent).update(test::two_states(rng, 1.0F));
  }
  const at::Tensor s = at::tensor({-1.0F, 1.0F}).unsqueeze(1);
  for (const float goal : {-1.0F, 1.0F}) {
    const at::Tensor values = dynamic_cast<TaskAgent&>(*agent).values(
        {{"observation", s}, {"desired_goal", at::full({2, 1}, goal)}});
    for (int i = 0; i < 2; ++i) EXPECT_NEAR(values[i].item<double>(), 4.0 / 0.2, 1.0) << goal;
  }
}

TEST(Orthonormality, IsTheFormula) {
  // (1, 0), (1, 2): products 1 apart, squares 1 and 5.
  const at::Tensor e = at::tensor({1.0F, 0.0F, 1.0F, 2.0F}).view({2, 2});
  EXPECT_FLOAT_EQ(zero_shot::orthonormality_loss(e).item<float>(), 1.0F - 2.0F * 3.0F);
}

TEST(FeatureStatistics, WhitenedFeaturesGiveTheRegressionOnBeingThere) {
  Rng rng(4);
  at::Tensor f = at::zeros({200, 3});
  fill_normal(f, 1.0, rng);
  f = at::mm(f, at::tensor({2.0F, 0.0F, 0.0F, 1.0F, 0.5F, 0.0F, 0.0F, 1.0F, 3.0F}).view({3, 3}));
  zero_shot::FeatureStatistics statistics(3, /*centers=*/false, at::kCPU);
  for (int i = 0; i < 4000; ++i) statistics.update(f);
  at::Tensor there = at::zeros({200});
  there[17] = 200.0;  // a density: its mean is 1
  const at::Tensor w = zero_shot::regressed(f, there);
  EXPECT_LT(max_difference(statistics.whitened(f.slice(0, 17, 18)), w), 1e-3);
  const at::Tensor exact = at::tensor({0.3F, -1.0F, 0.2F}).unsqueeze(1);
  EXPECT_LT(max_difference(zero_shot::regressed(f, at::mm(f, exact).squeeze(1)), exact.t()), 1e-4);
  zero_shot::FeatureStatistics centered(3, /*centers=*/true, at::kCPU);
  for (int i = 0; i < 4000; ++i) centered.update(f + 7.0);
  EXPECT_LT(max_difference(centered.centered(f + 7.0), f - f.mean(0)), 1e-3);
}

TEST(TdJepaConfig, RefusesWhatItCannotRead) {
  test::expect_refusals(small_td_jepa());
  TdJepaConfig config = small_td_jepa();
  config.symmetric = true;
  const EnvSpec spec = test::task_spec({.state = 3, .action = 2});
  EXPECT_THAT(test::input_error([&] { config.make(spec, at::kCPU, 0); }),
              testing::AllOf(testing::HasSubstr("--symmetric"), testing::HasSubstr("0,2")));
}

}  // namespace
}  // namespace reverie
