#include "agents/sac/sac.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agents/space_adapter.h"
#include "nn/pch.h"
#include "tests/agents/golden_updates.h"
#include "tests/agents/point_env.h"
#include "tests/errors.h"

namespace reverie {
namespace {

using test::GoldenUpdates;
using test::max_difference;

EnvSpec sac_spec() {
  return {.id = "golden",
          .observation = {{.name = "observation", .shape = {3}}},
          .action = Field{.name = "action", .shape = {2}, .low = {-1.0F}, .high = {1.0F}}};
}

SacConfig small_sac() {
  SacConfig config;
  config.hidden_sizes = {16, 12};
  config.actor_learning_rate = 1e-3;
  config.critic_learning_rate = 2e-3;
  config.temperature_learning_rate = 3e-3;
  config.initial_temperature = 0.3;
  config.tau = 0.05;
  return config;
}

double metric(Agent& agent, const Batch& batch, const char* name) {
  return dynamic_cast<TransitionAgent&>(agent).update(batch).metrics.at(name).item<double>();
}

// The twin of tests/golden/actor_critic.py.
TEST(SacUpdate, IsPyTorchs) {
  GoldenUpdates golden("actor_critic", "sac");
  const auto agent = small_sac().make(sac_spec(), at::kCPU, 0);
  golden.begin(*agent);
  auto& learner = dynamic_cast<TransitionAgent&>(*agent);
  golden.compare(learner, 1, {"loss/critic", "loss/actor"});
  golden.compare(learner, 10, {"loss/critic", "loss/actor", "value/q"});
  const TensorMap obs{{"observation", golden.get("probe.obs")}};
  EXPECT_LT(max_difference(agent->actor(4, {}, 3)->act(obs).action, golden.get("probe.action")),
            GoldenUpdates::kTolerance);
}

TEST(SacUpdate, TerminatedTransitionsDoNotLookAtWhatFollows) {
  Rng rng(9);
  Batch batch = test::random_batch(sac_spec(), 32, rng);
  batch.discount.zero_();
  const auto make = [] { return small_sac().make(sac_spec(), at::kCPU, 0); };
  const double loss = metric(*make(), batch, "loss/critic");
  batch.next_obs = test::random_observations(sac_spec(), 32, rng, true);
  EXPECT_EQ(metric(*make(), batch, "loss/critic"), loss);
  batch.discount.fill_(0.99);  // truncated or going on
  EXPECT_NE(metric(*make(), batch, "loss/critic"), loss);
}

TEST(SacUpdate, TheTemperatureMovesTowardsTheTargetEntropy) {
  Rng rng(9);
  const Batch batch = test::random_batch(sac_spec(), 64, rng);
  for (const double target : {-20.0, 20.0}) {  // far below and above that of any policy
    SacConfig config = small_sac();
    config.target_entropy = target;
    const auto agent = config.make(sac_spec(), at::kCPU, 0);
    for (int i = 0; i < 20; ++i) metric(*agent, batch, "policy/temperature");
    const double temperature = metric(*agent, batch, "policy/temperature");
    if (target < 0) {
      EXPECT_LT(temperature, 0.29);
    } else {
      EXPECT_GT(temperature, 0.31);
    }
    config.learn_temperature = false;
    const auto constant = config.make(sac_spec(), at::kCPU, 0);
    for (int i = 0; i < 3; ++i) {
      EXPECT_NEAR(metric(*constant, batch, "policy/temperature"), 0.3, 1e-6);
    }
  }
}

TEST(SacAct, ExploresAroundWhatItEvaluates) {
  constexpr int64_t kCount = 20000;
  const auto agent = small_sac().make(sac_spec(), at::kCPU, 0);
  const TensorMap obs{{"observation", at::ones({kCount, 3})}};
  const at::Tensor draws = agent->actor(kCount, {ActMode::kExplore}, 1)->act(obs).action;
  const at::Tensor center = agent->actor(kCount, {}, 1)->act(obs).action;
  EXPECT_LT(max_difference(at::atanh(draws.to(at::kDouble)).mean(0),
                           at::atanh(center.to(at::kDouble)).select(0, 0)),
            0.05);
  EXPECT_GT(draws.std(0).min().item<double>(), 0.3);
  EXPECT_LT(draws.abs().max().item<double>(), 1.0 + 1e-9);
}

TEST(SacConfig, RefusesDiscreteActions) {
  EnvSpec spec = sac_spec();
  spec.action = DiscreteSpace{.n = 3};
  EXPECT_THAT(test::input_error([&] { SacConfig().make(spec, at::kCPU, 0); }),
              testing::HasSubstr("discrete actions"));
}

}  // namespace
}  // namespace reverie
