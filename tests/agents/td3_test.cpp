#include "agents/td3/td3.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agents/registry.h"
#include "agents/space_adapter.h"
#include "nn/pch.h"
#include "tests/agents/golden_updates.h"
#include "tests/agents/point_env.h"
#include "tests/errors.h"

namespace reverie {
namespace {

using test::GoldenUpdates;
using test::max_difference;
using test::random_batch;
using test::random_observations;

EnvSpec td3_spec() {
  return {.id = "golden",
          .observation = {{.name = "observation", .shape = {3}}},
          .action = Field{.name = "action", .shape = {2}, .low = {-1.0F}, .high = {1.0F}}};
}

std::unique_ptr<Agent> make_td3(const Td3Config& config, uint64_t seed = 0) {
  return config.make(td3_spec(), at::kCPU, seed);
}

TransitionAgent& learner(const std::unique_ptr<Agent>& agent) {
  return dynamic_cast<TransitionAgent&>(*agent);
}

at::Tensor evaluated(Agent& agent, const TensorMap& obs) {
  return agent.actor(obs.begin()->second.size(0), {}, 3)->act(obs).action;
}

// The twin of tests/golden/actor_critic.py: target noise 0.2 clipped at 0.3, delay 2.
TEST(Td3Update, IsPyTorchs) {
  GoldenUpdates golden("actor_critic", "td3");
  Td3Config config;
  config.hidden_sizes = {16, 12};
  config.actor_learning_rate = 1e-3;
  config.critic_learning_rate = 2e-3;
  config.tau = 0.05;
  config.target_noise_clip = 0.3;
  const auto agent = make_td3(config);
  golden.begin(*agent);
  golden.compare(learner(agent), 1, {"loss/critic"});
  golden.compare(learner(agent), 2, {"loss/critic", "loss/actor"});
  golden.compare(learner(agent), 10, {"loss/critic", "loss/actor", "value/q"});
  EXPECT_LT(max_difference(evaluated(*agent, {{"observation", golden.get("probe.obs")}}),
                           golden.get("probe.action")),
            GoldenUpdates::kTolerance);
}

// The twin of tests/golden/offline.py: alpha 2.5, for which td3-bc has its weight.
TEST(Td3Update, ImitatesAsTd3Bc) {
  GoldenUpdates golden("offline", "td3-bc");
  const std::unique_ptr<AgentConfig> made = td3_bc_entry().config();
  auto& config = dynamic_cast<Td3Config&>(*made);
  EXPECT_TRUE(config.normalize_observation);
  config.normalize_observation = false;
  config.hidden_sizes = {16, 12};
  config.actor_learning_rate = 1e-3;
  config.critic_learning_rate = 2e-3;
  config.tau = 0.05;
  config.target_noise_clip = 0.3;
  const auto agent = make_td3(config);
  golden.begin(*agent);
  golden.compare(learner(agent), 10, {"loss/critic", "loss/actor"});
}

// The twin of tests/golden/rebrac.py.
TEST(Td3Update, PenalisesActorAndCriticsAsRebrac) {
  GoldenUpdates golden("rebrac", "rebrac");
  const std::unique_ptr<AgentConfig> made = rebrac_entry().config();
  auto& config = dynamic_cast<Td3Config&>(*made);
  config.hidden_sizes = {16, 12, 10};
  config.actor_learning_rate = 1e-3;
  config.critic_learning_rate = 2e-3;
  config.tau = 0.05;
  config.target_noise_clip = 0.3;
  config.bc_weight = 0.5;
  config.critic_bc_weight = 0.25;
  const auto agent = make_td3(config);
  EXPECT_TRUE(learner(agent).request().spec.next_action);
  golden.begin(*agent);
  golden.compare(learner(agent), 1, {"loss/critic"});
  golden.compare(learner(agent), 10, {"loss/critic", "loss/actor"});
}

TEST(Td3Config, AsksForNextActionsOnlyWhereTheyCount) {
  EXPECT_FALSE(learner(make_td3({})).request().spec.next_action);
}

TEST(Td3Update, TerminatedTransitionsDoNotLookAtWhatFollows) {
  Td3Config config;
  config.hidden_sizes = {16};
  Rng rng(9);
  Batch batch = random_batch(td3_spec(), 32, rng);
  batch.discount.zero_();
  const auto a = make_td3(config), b = make_td3(config);
  const double loss = learner(a).update(batch).metrics.at("loss/critic").item<double>();
  batch.next_obs = random_observations(td3_spec(), 32, rng, true);
  EXPECT_EQ(learner(b).update(batch).metrics.at("loss/critic").item<double>(), loss);
  batch.discount.fill_(0.99);  // truncated or going on
  EXPECT_NE(learner(make_td3(config)).update(batch).metrics.at("loss/critic").item<double>(), loss);
}

TEST(Td3Act, ExploresWithTheNoiseOfItsConfig) {
  Td3Config config;
  config.hidden_sizes = {16};
  config.exploration_noise = 0.2;
  const auto agent = make_td3(config);
  Rng rng(5);
  const TensorMap obs = random_observations(td3_spec(), 20000, rng, false);
  const at::Tensor noise =
      agent->actor(20000, {ActMode::kExplore}, 1)->act(obs).action - evaluated(*agent, obs);
  EXPECT_NEAR(noise.std().item<double>(), 0.2, 0.004);
  EXPECT_NEAR(noise.mean().item<double>(), 0.0, 0.004);
}

// "Tanh with DDPG": evaluation with tanh or with clipping.
TEST(Td3Act, EvaluatesWithTanhOrByClippingAsAsked) {
  for (const char* name : {"ddpg", "td3", "td7"}) {
    const std::unique_ptr<AgentConfig> config = find_agent(name).config();
    ConfigFields fields;
    config->describe_acting(fields);
    Rng rng(5);
    const TensorMap obs{
        {"observation",
         100.0 * random_observations(td3_spec(), 500, rng, false).at("observation")}};
    const at::Tensor squashed = evaluated(*config->make(td3_spec(), at::kCPU, 0), obs);
    const auto explored = [&] {
      const auto agent = config->make(td3_spec(), at::kCPU, 0);
      return agent->actor(500, {ActMode::kExplore}, 1)->act(obs).action;
    };
    const at::Tensor explored_before = explored();
    fields.set("action_bound", "clip");
    const at::Tensor clipped = evaluated(*config->make(td3_spec(), at::kCPU, 0), obs);
    // tanh(u) and clip(u) of the same u.
    EXPECT_LT(max_difference(clipped, at::atanh(squashed.to(at::kDouble)).clamp(-1.0, 1.0)), 1e-4)
        << name;
    EXPECT_GT(max_difference(clipped, squashed), 4e-3) << name;
    EXPECT_TRUE(at::equal(explored(), explored_before)) << name << " explores as in training";
  }
}

TEST(Td3Config, AsksForTheSamplesOfItsConfig) {
  Td3Config config;
  config.n_step = 3;
  config.gamma = 0.9;
  config.minibatch = 17;
  const SampleRequest request = learner(make_td3(config)).request();
  EXPECT_EQ(request.spec.n_step, 3);
  EXPECT_EQ(request.spec.gamma, 0.9);
  EXPECT_EQ(request.batch, 17);
}

TEST(Td3Config, RefusesDiscreteActions) {
  EnvSpec spec = td3_spec();
  spec.action = DiscreteSpace{.n = 3};
  EXPECT_THAT(test::input_error([&] { Td3Config().make(spec, at::kCPU, 0); }),
              testing::HasSubstr("discrete actions"));
}

}  // namespace
}  // namespace reverie
