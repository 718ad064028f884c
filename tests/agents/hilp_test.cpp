#include "agents/hilp/hilp.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agents/hilp/hilbert_features.h"
#include "nn/pch.h"
#include "tests/agents/golden_updates.h"
#include "tests/agents/two_states.h"
#include "tests/errors.h"

namespace reverie {
namespace {

using test::GoldenUpdates;
using test::max_difference;

HilpConfig small_hilp() {
  HilpConfig config;
  config.task_size = 5;
  config.hidden_size = 12;
  config.learning_rate = 1e-3;
  config.feature_learning_rate = 2e-3;
  config.actor_learning_rate = 5e-4;
  config.tau = 0.05;
  config.feature_tau = 0.02;
  config.distance_gamma = 0.9;
  config.expectile = 0.7;
  config.goal_numbers = {0, 2};
  return config;
}

// The weights beside the samples that the task of the data's reward is made from, and biases that
// hardly any distance depends on.
class HilpGolden : public GoldenUpdates {
 public:
  HilpGolden() : GoldenUpdates("hilp", "hilp") {
    expect_no_errors();
    ignore({"task.goals", "task.rewards", "features.3.bias", "target_features.3.bias"});
  }
};

// The twin of tests/golden/hilp.py.
TEST(HilpUpdate, IsPyTorchs) {
  HilpGolden golden;
  const EnvSpec spec = test::task_spec({.state = 3, .action = 2, .goal = 2});
  const auto agent = small_hilp().make(spec, at::kCPU, 0);
  golden.begin(*agent);
  auto& learner = dynamic_cast<TransitionAgent&>(*agent);
  const std::vector<std::string> metrics = {"loss/distance", "value/distance", "loss/successor",
                                            "loss/actor"};
  golden.compare(learner, 1, metrics);
  golden.compare(learner, 10, metrics);
  const at::Tensor& obs = golden.get("probe.obs");
  const auto of_reward = test::copy_without_goals(*agent, small_hilp(), spec);
  EXPECT_LT(max_difference(of_reward->actor(4, {}, 3)->act({{"observation", obs}}).action,
                           golden.get("probe.action_of_reward")),
            GoldenUpdates::kTolerance);
  const TensorMap with_goals{{"observation", obs}, {"desired_goal", golden.get("probe.goals")}};
  EXPECT_LT(max_difference(agent->actor(4, {}, 3)->act(with_goals).action,
                           golden.get("probe.action_of_goals")),
            GoldenUpdates::kTolerance);
}

// A walk on a ring of four states that goes left or right by chance, whatever the action. Both next
// values are equally likely, so the value of reaching a neighbour, V1, and that of the opposite
// state, V2, follow from the definition of the expectile e of two equally likely values a > b,
// tau (a - e) = (1 - tau) (e - b):
//
//   V1 = -1 + (1 - tau) gamma V2,   V2 = -1 + gamma V1.
//
// Four points have these distances if V2^2 <= 2 V1^2: those of a square, or of a tetrahedron.
class HilpOnARing : public testing::TestWithParam<double> {
 protected:
  static at::Tensor one_hot(const std::vector<int64_t>& states) {
    return at::one_hot(at::tensor(states), 4).to(at::kFloat);
  }
  // Every step with every goal once, so that an update is the expected one.
  static Batch all_steps() {
    std::vector<int64_t> s, next, goal;
    for (int64_t i = 0; i < 32; ++i) {
      s.push_back(i % 4);
      next.push_back((i + (i < 16 ? 1 : 3)) % 4);
      goal.push_back(i / 4 % 4);
    }
    constexpr int64_t kSize = 32;
    return {.obs = {{"observation", one_hot(s)}},
            .next_obs = {{"observation", one_hot(next)}},
            .action = at::zeros({kSize, 1}),
            .reward = at::zeros({kSize}),
            .discount = at::full({kSize}, 0.8),
            .index = at::arange(kSize),
            .future_obs = {{"observation", one_hot(goal)}}};
  }
};

TEST_P(HilpOnARing, DistancesAreTheTimesToReach) {
  constexpr double kGamma = 0.8;
  HilpConfig config;
  config.task_size = 6;
  config.hidden_size = 32;
  config.distance_gamma = kGamma;
  config.expectile = GetParam();
  config.feature_learning_rate = 2e-3;
  config.feature_tau = 0.05;
  const auto agent =
      config.make(test::task_spec({.state = 4, .action = 1, .goal = 0}), at::kCPU, 3);
  auto& learner = dynamic_cast<TransitionAgent&>(*agent);
  for (int i = 0; i < 2000; ++i) learner.update(all_steps());

  // phi of the four states, by the weights that the agent lists.
  Rng rng(5);
  hilp::HilbertFeatures phi({.goal = 4, .hidden = 32, .features = 6}, rng, at::kCPU);
  const TensorMap trained = tensors_of(*agent);
  for (const auto& [name, weight] : tensors_of(phi)) {
    weight.detach().copy_(trained.at("features." + name));
  }
  const at::NoGradGuard no_grad;
  const at::Tensor points = phi.first(one_hot({0, 1, 2, 3}));
  const at::Tensor distance = at::cdist(points, points);
  const double share = 1.0 - GetParam();
  const double v1 = -(1.0 + share * kGamma) / (1.0 - share * kGamma * kGamma);
  const double v2 = -1.0 + kGamma * v1;
  ASSERT_LT(v2 * v2, 2.0 * v1 * v1);
  for (int64_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(distance[i][(i + 1) % 4].item<double>(), -v1, 0.02 * -v1) << i;
    EXPECT_NEAR(distance[i][(i + 2) % 4].item<double>(), -v2, 0.02 * -v2) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Expectiles, HilpOnARing, testing::Values(0.5, 0.6));

TEST(Hilp, OneModelServesRewardsThatItDidNotLearnFrom) {
  HilpConfig config;
  config.task_size = 4;
  config.hidden_size = 32;
  config.learning_rate = config.actor_learning_rate = 1e-3;
  config.feature_learning_rate = 1e-3;
  config.gamma = 0.8;
  config.tau = 0.05;
  test::expect_any_reward_of_two_states(config, /*stays=*/false);  // no direction leads there
}

TEST(Hilp, AsksForStatesOfTheFutureAndSomeOfAnyEpisode) {
  HilpConfig config;
  config.random_goal_share = 0.25;
  config.future_gamma = 0.9;
  config.minibatch = 77;
  const auto agent =
      config.make(test::task_spec({.state = 3, .action = 2, .goal = 0}), at::kCPU, 3);
  const SampleRequest request = dynamic_cast<TransitionAgent&>(*agent).request();
  EXPECT_EQ(request.batch, 77);
  EXPECT_EQ(request.spec.gamma, config.gamma);
  ASSERT_TRUE(request.spec.future.has_value());
  EXPECT_EQ(request.spec.future->strategy, GoalStrategy::kGeometric);
  EXPECT_EQ(request.spec.future->random_share, 0.25);
  EXPECT_EQ(request.spec.future->geometric_gamma, 0.9);
}

TEST(HilpConfig, RefusesWhatItCannotRead) { test::expect_refusals(small_hilp()); }

}  // namespace
}  // namespace reverie
