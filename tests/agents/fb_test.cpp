#include "agents/fb/fb.h"

#include <gtest/gtest.h>

#include "agents/zero_shot/networks.h"
#include "nn/pch.h"
#include "tests/agents/golden_updates.h"
#include "tests/agents/two_states.h"

namespace reverie {
namespace {

using test::GoldenUpdates;
using test::max_difference;

EnvSpec fb_spec(bool shows_goals) {
  return test::task_spec({.state = 3, .action = 2, .goal = shows_goals ? 2 : 0});
}

FbConfig small_fb() {
  FbConfig config;
  config.task_size = 5;
  config.hidden_size = 12;
  config.learning_rate = 1e-3;
  config.backward_learning_rate = 2e-3;
  config.actor_learning_rate = 5e-4;
  config.tau = 0.05;
  config.orthonormality = 0.7;
  config.goal_numbers = {0, 2};
  return config;
}

// The weights beside the samples that the task of the data's reward is made from.
class FbGolden : public GoldenUpdates {
 public:
  FbGolden() : GoldenUpdates("fb", "fb") {
    expect_no_errors();
    ignore({"task.goals", "task.rewards"});
  }
};

// The twin of tests/golden/fb.py.
TEST(FbUpdate, IsPyTorchs) {
  FbGolden golden;
  const auto agent = small_fb().make(fb_spec(true), at::kCPU, 0);
  golden.begin(*agent);
  auto& learner = dynamic_cast<TransitionAgent&>(*agent);
  const std::vector<std::string> metrics = {"loss/measure", "loss/orthonormality", "loss/actor"};
  golden.compare(learner, 1, metrics);
  golden.compare(learner, 10, metrics);
  const at::Tensor& obs = golden.get("probe.obs");
  const auto of_reward = test::copy_without_goals(*agent, small_fb(), fb_spec(true));
  EXPECT_LT(max_difference(of_reward->actor(4, {}, 3)->act({{"observation", obs}}).action,
                           golden.get("probe.action_of_reward")),
            GoldenUpdates::kTolerance);
  const TensorMap with_goals{{"observation", obs}, {"desired_goal", golden.get("probe.goals")}};
  EXPECT_LT(max_difference(agent->actor(4, {}, 3)->act(with_goals).action,
                           golden.get("probe.action_of_goals")),
            GoldenUpdates::kTolerance);
}

TEST(FbNetworks, TasksLieOnTheSphere) {
  const at::Tensor z = zero_shot::on_sphere(
      at::tensor({3.0F, 4.0F, 0.0F, 0.0F, 0.0F, 0.0F, 0.0F, 0.0F}).view({2, 4}));
  EXPECT_LT(max_difference(z[0], at::tensor({1.2F, 1.6F, 0.0F, 0.0F})), 1e-6);  // 2 x / 5
  EXPECT_EQ(z[1].abs().max().item<float>(), 0.0F) << "no direction, no NaN";
}

TEST(Fb, OneModelServesRewardsThatItDidNotLearnFrom) {
  FbConfig config;
  config.task_size = 4;
  config.hidden_size = 32;
  config.learning_rate = config.backward_learning_rate = 1e-3;
  config.actor_learning_rate = 1e-3;
  config.tau = 0.05;
  test::expect_any_reward_of_two_states(config);
}

TEST(Fb, ExploresWithATaskForEachEpisode) {
  const auto agent = small_fb().make(fb_spec(false), at::kCPU, 0);
  const auto one = [&](const at::Tensor& started) {
    const auto actor = agent->actor(2, {ActMode::kExplore}, 1);
    const TensorMap obs{{"observation", at::ones({2, 3})}};
    at::Tensor sum = at::zeros({2, 2});
    for (int t = 0; t < 400; ++t) {
      if (t == 200) {
        actor->on_episode_start(started);
        sum.zero_();
      }
      sum += actor->act(obs).action / 200.0;
    }
    return sum;
  };
  const at::Tensor same = one(at::zeros({2}, at::kBool));
  const at::Tensor other = one(at::tensor({int64_t{0}, int64_t{1}}).to(at::kBool));
  EXPECT_LT(max_difference(same[0], other[0]), 1e-5) << "its episode goes on";
  EXPECT_GT(max_difference(same[1], other[1]), 0.02) << "a new episode, another task";
}

TEST(FbConfig, RefusesWhatItCannotRead) { test::expect_refusals(small_fb()); }

}  // namespace
}  // namespace reverie
