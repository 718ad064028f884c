#include "agents/td7/td7.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nn/pch.h"
#include "tests/agents/golden_updates.h"
#include "tests/agents/point_env.h"
#include "tests/errors.h"

namespace reverie {
namespace {

using test::GoldenUpdates;
using test::max_difference;

EnvSpec td7_spec() {
  return {.id = "golden",
          .observation = {{.name = "observation", .shape = {3}}},
          .action = Field{.name = "action", .shape = {2}, .low = {-1.0F}, .high = {1.0F}}};
}

Td7Config small_td7() {
  Td7Config config;
  config.hidden_size = 12;
  config.embedding_size = 10;
  config.learning_rate = 1e-3;
  config.target_noise_clip = 0.3;
  config.target_every = 4;
  return config;
}

class Td7Test : public testing::Test {
 protected:
  explicit Td7Test(const Td7Config& config = small_td7())
      : owner_(config.make(td7_spec(), at::kCPU, 0)),
        agent_(dynamic_cast<TransitionAgent&>(*owner_)) {}

  at::Tensor action(ActMode mode = ActMode::kEvaluate) {
    return agent_.actor(1, {mode}, 3)->act({{"observation", at::ones({1, 3})}}).action;
  }

  void update() {
    agent_.pace(1);
    Rng rng(static_cast<uint64_t>(++updates_));
    agent_.update(test::random_batch(td7_spec(), 8, rng));
  }

  // So many updates; then an assessment begins.
  void learn(int count) {
    for (int i = 0; i < count; ++i) update();
    EXPECT_EQ(agent_.pace(0), Pace::kGather);
  }

  void end_episode(double episode_return) {
    agent_.on_episode_end({.episode_return = episode_return});
  }

  std::unique_ptr<Agent> owner_;
  TransitionAgent& agent_;
  int updates_ = 0;
};

// The twin of tests/golden/actor_critic.py.
TEST_F(Td7Test, UpdatesArePyTorchs) {
  GoldenUpdates golden("actor_critic", "td7");
  golden.begin(*owner_);
  golden.compare(agent_, 1, {"loss/critic", "loss/embedding", "value/q"});
  golden.compare(agent_, 4, {"loss/critic", "loss/embedding", "value/q"});
  golden.compare(agent_, 10, {"loss/critic", "loss/embedding", "value/q", "loss/actor"});
  const TensorMap obs{{"observation", golden.get("probe.obs")}};
  EXPECT_LT(max_difference(agent_.actor(4, {}, 3)->act(obs).action, golden.get("probe.action")),
            GoldenUpdates::kTolerance);
}

TEST_F(Td7Test, AssessesAPolicyThenMakesTheEarnedUpdates) {
  EXPECT_EQ(agent_.pace(30), Pace::kGather);
  end_episode(5.0);
  EXPECT_EQ(agent_.pace(30), Pace::kLearn);
  update();
  EXPECT_EQ(agent_.pace(29), Pace::kLearn);
  EXPECT_EQ(agent_.pace(0), Pace::kGather) << "the new policy is assessed";
  EXPECT_EQ(agent_.pace(10), Pace::kGather);
}

TEST_F(Td7Test, EvaluatesTheKeptPolicy) {
  const at::Tensor first = action();
  end_episode(5.0);  // kept
  learn(8);
  EXPECT_TRUE(at::equal(action(), first));
  end_episode(4.0);  // worse
  EXPECT_TRUE(at::equal(action(), first));
  learn(8);
  end_episode(6.0);  // better
  EXPECT_FALSE(at::equal(action(), first));
}

TEST_F(Td7Test, WithoutAnAssessmentEvaluatesTheLatestPolicy) {
  const at::Tensor first = action();
  learn(8);
  EXPECT_FALSE(at::equal(action(), first));
}

// With a great weight on the data's actions the policy becomes theirs; without, it does not.
TEST(Td7Cloning, ImitatesTheData) {
  for (const double weight : {0.0, 100.0}) {
    Td7Config config = small_td7();
    config.bc_weight = weight;
    config.policy_checkpoints = false;
    config.learning_rate = 3e-3;
    const auto agent = config.make(td7_spec(), at::kCPU, 0);
    Rng rng(2);
    const at::Tensor wanted = at::tensor({0.6F, -0.4F});
    for (int i = 0; i < 400; ++i) {
      Batch batch = test::random_batch(td7_spec(), 16, rng);
      batch.action = wanted.expand({16, 2}).clone();
      dynamic_cast<TransitionAgent&>(*agent).update(batch);
    }
    const at::Tensor a = agent->actor(1, {}, 3)->act({{"observation", at::ones({1, 3})}}).action;
    const double distance = max_difference(a[0], wanted);
    EXPECT_EQ(distance<0.1, weight> 0.0) << distance << " with weight " << weight;
  }
}

class Td7LongAssessments : public Td7Test {
 protected:
  static Td7Config config() {
    Td7Config config = small_td7();
    config.assessment_starts = 0;
    config.assessment_episodes = 3;
    config.assessment_reset = 0.5;
    return config;
  }
  Td7LongAssessments() : Td7Test(config()) {}
};

TEST_F(Td7LongAssessments, KeepTheLeastReturnAndEndEarlyBelowIt) {
  end_episode(10.0);  // one episode before the first update
  learn(1);           // the kept return becomes 5, assessments 3 episodes long
  end_episode(9.0);
  end_episode(6.0);
  EXPECT_EQ(agent_.pace(10), Pace::kGather);
  end_episode(8.0);  // kept, with its least return 6
  EXPECT_EQ(agent_.pace(10), Pace::kLearn);
  learn(1);
  end_episode(6.5);
  EXPECT_EQ(agent_.pace(10), Pace::kGather);
  end_episode(5.5);  // below 6: no third episode
  EXPECT_EQ(agent_.pace(10), Pace::kLearn);
}

TEST(Td7Config, WithoutPolicyCheckpointsLearnsAllTheTime) {
  Td7Config config = small_td7();
  config.policy_checkpoints = false;
  const auto agent = config.make(td7_spec(), at::kCPU, 0);
  EXPECT_EQ(dynamic_cast<TransitionAgent&>(*agent).pace(30), Pace::kTogether);
}

}  // namespace
}  // namespace reverie
