#include "agents/fb/fb.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agents/fb/fb_networks.h"
#include "agents/space_adapter.h"
#include "nn/pch.h"
#include "tests/agents/golden_updates.h"
#include "tests/errors.h"

namespace reverie {
namespace {

using test::GoldenUpdates;
using test::max_difference;

EnvSpec fb_spec(bool shows_goals) {
  EnvSpec spec = {.id = "golden",
                  .observation = {{.name = "observation", .shape = {3}}},
                  .action = Field{.name = "action", .shape = {2}, .low = {-1.0F}, .high = {1.0F}}};
  if (shows_goals) spec.observation.push_back({.name = "desired_goal", .shape = {2}});
  return spec;
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

// The same weights and samples in an environment that shows no goals.
std::unique_ptr<Agent> without_goals(Agent& agent, const FbConfig& config, EnvSpec spec) {
  spec.observation.resize(1);
  auto copy = config.make(spec, at::kCPU, 0);
  load_state(*copy, take_checkpoint(agent));
  return copy;
}

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
  const auto of_reward = without_goals(*agent, small_fb(), fb_spec(true));
  EXPECT_LT(max_difference(of_reward->actor(4, {}, 3)->act({{"observation", obs}}).action,
                           golden.get("probe.action_of_reward")),
            GoldenUpdates::kTolerance);
  const TensorMap with_goals{{"observation", obs}, {"desired_goal", golden.get("probe.goals")}};
  EXPECT_LT(max_difference(agent->actor(4, {}, 3)->act(with_goals).action,
                           golden.get("probe.action_of_goals")),
            GoldenUpdates::kTolerance);
}

TEST(FbNetworks, TasksLieOnTheSphere) {
  const at::Tensor z =
      fb::on_sphere(at::tensor({3.0F, 4.0F, 0.0F, 0.0F, 0.0F, 0.0F, 0.0F, 0.0F}).view({2, 4}));
  EXPECT_LT(max_difference(z[0], at::tensor({1.2F, 1.6F, 0.0F, 0.0F})), 1e-6);  // 2 x / 5
  EXPECT_EQ(z[1].abs().max().item<float>(), 0.0F) << "no direction, no NaN";
}

// Two states s = -1, 1; action a > 0 leads to 1, else to -1, whatever s is. M of the policy that
// stays at 1 from (s, a > 0) is 1 / (1 - gamma) at 1, and each state is half of the data: so a
// policy for the reward of being at 1 goes there, and one for being at -1 the other way.
Batch two_states(Rng& rng, float rewarded) {
  constexpr int64_t kSize = 64;
  std::vector<float> s, a, next, r;
  for (int64_t i = 0; i < kSize; ++i) {
    s.push_back(rng.random() < 0.5 ? -1.0F : 1.0F);
    a.push_back(static_cast<float>(rng.uniform(-1.0, 1.0)));
    next.push_back(a.back() > 0.0F ? 1.0F : -1.0F);
    r.push_back(next.back() == rewarded ? 1.0F : 0.0F);
  }
  return {.obs = {{"observation", at::tensor(s).unsqueeze(1)}},
          .next_obs = {{"observation", at::tensor(next).unsqueeze(1)}},
          .action = at::tensor(a).unsqueeze(1),
          .reward = at::tensor(r),
          .discount = at::full({kSize}, 0.8),
          .index = at::arange(kSize)};
}

TEST(Fb, OneModelServesRewardsThatItDidNotLearnFrom) {
  EnvSpec spec = fb_spec(true);
  spec.observation[0].shape = {1};
  spec.observation[1].shape = {1};
  spec.action = Field{.name = "action", .shape = {1}, .low = {-1.0F}, .high = {1.0F}};
  for (const float rewarded : {-1.0F, 1.0F}) {
    FbConfig config;
    config.task_size = 4;
    config.hidden_size = 32;
    config.learning_rate = config.backward_learning_rate = 1e-3;
    config.actor_learning_rate = 1e-3;
    const auto agent = config.make(spec, at::kCPU, 7);
    Rng rng(3);
    for (int i = 0; i < 600; ++i) {
      dynamic_cast<TransitionAgent&>(*agent).update(two_states(rng, rewarded));
    }
    const auto actor = agent->actor(2, {}, 1);
    const at::Tensor s = at::tensor({-1.0F, 1.0F}).unsqueeze(1);
    const auto of_reward = without_goals(*agent, config, spec);
    const at::Tensor to_reward = of_reward->actor(2, {}, 1)->act({{"observation", s}}).action;
    EXPECT_GT((rewarded * to_reward).min().item<double>(), 0.1) << rewarded;
    for (const float goal : {-1.0F, 1.0F}) {
      const at::Tensor to_goal =
          actor->act({{"observation", s}, {"desired_goal", at::full({2, 1}, goal)}}).action;
      EXPECT_GT((goal * to_goal).min().item<double>(), 0.1) << goal;
    }
    // The opposite reward, of other samples: three of four states earn it.
    dynamic_cast<TaskAgent&>(*of_reward)
        .pursue(
            {{"observation", at::tensor({rewarded, -rewarded, -rewarded, -rewarded}).unsqueeze(1)}},
            at::tensor({0.0F, 1.0F, 1.0F, 1.0F}));
    const at::Tensor away = of_reward->actor(2, {}, 1)->act({{"observation", s}}).action;
    EXPECT_GT((-rewarded * away).min().item<double>(), 0.1) << "not " << rewarded;
  }
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

TEST(FbConfig, RefusesWhatItCannotRead) {
  EnvSpec spec = fb_spec(false);
  FbConfig config = small_fb();
  config.goal_numbers = {0, 3};
  EXPECT_THAT(test::input_error([&] { config.make(spec, at::kCPU, 0); }),
              testing::HasSubstr("--goal-numbers 3: the observation has 3 numbers"));
  spec.action = DiscreteSpace{.n = 3};
  EXPECT_THAT(test::input_error([&] { small_fb().make(spec, at::kCPU, 0); }),
              testing::HasSubstr("discrete actions"));
  spec = fb_spec(false);
  spec.observation[0].dtype = DType::kUInt8;
  EXPECT_THAT(test::input_error([&] { small_fb().make(spec, at::kCPU, 0); }),
              testing::HasSubstr("--observation state"));
}

}  // namespace
}  // namespace reverie
