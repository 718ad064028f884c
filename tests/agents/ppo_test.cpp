#include "agents/policy_gradient/ppo.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agents/policy_gradient/a2c.h"
#include "agents/policy_gradient/policy_gradient.h"
#include "agents/policy_gradient/reinforce.h"
#include "agents/space_adapter.h"
#include "nn/pch.h"
#include "tests/agents/point_env.h"
#include "tests/checkpoints.h"
#include "tests/errors.h"
#include "tests/tensors.h"

namespace reverie {
namespace {

using test::expect_same_bits;
using test::group_of;
using test::input_error;
using test::max_difference;
using testing::HasSubstr;

// Tolerance for weights and losses of order 1, after three steps in float32.
constexpr double kTolerance = 2e-5;

EnvSpec golden_spec(bool discrete) {
  EnvSpec spec{.id = "golden",
               .observation = {{.name = "observation", .shape = {3}}},
               .action = Field{.name = "action", .shape = {2}, .low = {-1.0F}, .high = {1.0F}}};
  if (discrete) spec.action = DiscreteSpace{4};
  return spec;
}

// The counterpart of tests/golden/on_policy.py: one update on a rollout with every kind of end.
class PolicyGradientGolden : public testing::Test {
 protected:
  template <typename Config>
  static Config small() {
    Config config;
    config.hidden_sizes = {8, 6};
    config.learning_rate = 3e-3;
    config.anneal_learning_rate = false;
    config.gamma = 0.9;
    config.entropy_coefficient = 0.01;
    config.normalize_observation = false;
    return config;
  }

  static PpoConfig small_ppo() {
    auto config = small<PpoConfig>();
    config.gae_lambda = 0.8;
    config.epochs = 3;
    config.minibatch = 24;  // all of it, so that the order does not matter
    return config;
  }

  at::Tensor get(const std::string& name) const { return file_.tensor(name); }

  TensorMap under(const std::string& prefix) const {
    TensorMap map;
    for (const auto& [name, tensor] : file_.tensors) {
      if (name.starts_with(prefix)) map.add(name.substr(prefix.size()), tensor);
    }
    return map;
  }

  Rollout rollout(const std::string& name) const {
    const auto part = [&](const char* key) { return get(name + ".rollout." + key); };
    Rollout rollout{.obs = {{"observation", part("obs")}},
                    .started = at::zeros({6, 4}, at::kBool),
                    .action = part("draw"),
                    .extra = {{"draw", part("draw")}, {"log_prob", part("log_prob")}},
                    .reward = part("reward"),
                    .terminated = part("terminated"),
                    .truncated = part("truncated"),
                    .last_obs = {{"observation", part("last_obs")}},
                    .final_obs = {{"observation", part("final_obs")}},
                    .final_index = part("final_index")};
    if (under(name + ".rollout.").contains("memory")) {
      rollout.extra.add("memory", part("memory"));
      rollout.started = part("started");
    }
    return rollout;
  }

  void expect_update(const std::string& name, const AgentConfig& config,
                     const std::vector<const char*>& metrics, bool discrete = false) const {
    SCOPED_TRACE(name);
    const auto agent = config.make(golden_spec(discrete), at::kCPU, 0);
    test::load(*agent, "", under(name + ".before."));
    Rng rng(1);
    const TensorMap learned =
        dynamic_cast<RolloutAgent&>(*agent).update(rollout(name), 0.5, rng).metrics;
    for (size_t i = 0; i < metrics.size(); ++i) {
      EXPECT_LT(
          max_difference(learned.at(metrics[i]), get(name + ".metrics")[static_cast<int64_t>(i)]),
          kTolerance)
          << metrics[i];
    }
    const TensorMap expected = under(name + ".after.");
    const TensorMap now = group_of(take_checkpoint(*agent), "model");
    ASSERT_EQ(now.size(), expected.size());
    for (const auto& [key, tensor] : expected) {
      EXPECT_LT(max_difference(now.at(key), tensor), kTolerance) << key;
    }
  }

  SafetensorsFile file_ = test::golden("on_policy");
};

TEST_F(PolicyGradientGolden, PpoIsPyTorchs) {
  const std::vector<const char*> metrics{"loss/policy", "loss/value", "policy/entropy",
                                         "policy/kl"};
  PpoConfig config = small_ppo();
  expect_update("ppo", config, metrics);
  expect_update("ppo_categorical", config, metrics, true);
  config.shared_sizes = {3};
  expect_update("ppo_shared", config, metrics);
  config.shared_sizes = {};
  config.distribution = "beta";
  config.clip_value = false;
  expect_update("ppo_beta", config, metrics);
}

TEST_F(PolicyGradientGolden, A2cIsPyTorchs) {
  expect_update("a2c", small<A2cConfig>(), {"loss/policy", "loss/value", "policy/entropy"});
}

// Adam's first step shows only the sign of a gradient, and there the advantages decide it.
TEST_F(PolicyGradientGolden, EntropyIsRewarded) {
  auto ppo = small_ppo();
  auto a2c = small<A2cConfig>();
  auto reinforce = small<ReinforceConfig>();
  for (PolicyGradientConfig* config :
       std::initializer_list<PolicyGradientConfig*>{&ppo, &a2c, &reinforce}) {
    config->entropy_coefficient = 100.0;
    const auto agent = config->make(golden_spec(false), at::kCPU, 0);
    test::load(*agent, "", under("a2c.before."));
    Rng rng(1);
    dynamic_cast<RolloutAgent&>(*agent).update(rollout("a2c"), 0.5, rng);
    int found = 0;
    for (const auto& [key, tensor] : group_of(take_checkpoint(*agent), "model")) {
      if (key.find("log_std") == std::string::npos) continue;
      EXPECT_TRUE((tensor > get("a2c.before." + key)).all().item<bool>()) << key;
      ++found;
    }
    EXPECT_EQ(found, 1);
  }
}

TEST_F(PolicyGradientGolden, ReinforceIsPyTorchs) {
  auto config = small<ReinforceConfig>();
  expect_update("reinforce_baseline", config, {"loss/policy", "loss/value", "policy/entropy"},
                true);
  config.baseline = false;
  expect_update("reinforce", config, {"loss/policy", "policy/entropy"});
}

// Some environments begin in the middle of an episode, with a memory of it.
TEST_F(PolicyGradientGolden, UpdatesOfRecurrentPoliciesArePyTorchs) {
  const std::vector<const char*> metrics{"loss/policy", "loss/value", "policy/entropy",
                                         "policy/kl"};
  PpoConfig ppo = small_ppo();
  ppo.memory_size = 5;
  ppo.rollout_steps = ppo.sequence_length = 6;
  ppo.memory = "lstm";
  expect_update("ppo_lstm", ppo, metrics);
  ppo.sequence_length = 3;
  ppo.memory = "gru";
  expect_update("ppo_gru_sequences", ppo, metrics, true);
  auto a2c = small<A2cConfig>();
  a2c.memory_size = 5;
  a2c.memory = "lstm";
  expect_update("a2c_lstm", a2c, {"loss/policy", "loss/value", "policy/entropy"});
}

// Weights after one update of the golden rollout.
TEST_F(PolicyGradientGolden, TheEpochsEndOnceThePolicyHasMovedTooFar) {
  const auto after = [&](int64_t epochs, double target_kl, double expected_epochs) {
    PpoConfig config = small_ppo();
    config.epochs = epochs;
    config.target_kl = target_kl;
    const auto agent = config.make(golden_spec(false), at::kCPU, 0);
    test::load(*agent, "", under("ppo.before."));
    Rng rng(1);
    const TensorMap learned =
        dynamic_cast<RolloutAgent&>(*agent).update(rollout("ppo"), 0.5, rng).metrics;
    EXPECT_EQ(learned.at("policy/epochs").item<double>(), expected_epochs);
    return take_checkpoint(*agent);
  };
  const Checkpoint one = after(1, 0.0, 1), two = after(2, 0.0, 2);
  const Checkpoint ended = after(2, 1e-4, 1), far = after(2, 100.0, 2);
  for (const char* group : {"model", "optimizer"}) {
    expect_same_bits(group_of(ended, group), group_of(one, group));
    expect_same_bits(group_of(far, group), group_of(two, group));
  }
}

TEST_F(PolicyGradientGolden, TheRateFallsToNothingAtTheEndOfTheRun) {
  const auto moved = [&](double progress) {
    PpoConfig config = small_ppo();
    config.anneal_learning_rate = true;
    const auto agent = config.make(golden_spec(false), at::kCPU, 0);
    const at::Tensor weight = tensors_of(*agent).at("networks.policy.4.bias");
    const at::Tensor before = weight.clone();
    Rng rng(1);
    dynamic_cast<RolloutAgent&>(*agent).update(rollout("ppo"), progress, rng);
    return max_difference(before, weight);
  };
  EXPECT_EQ(moved(1.0), 0.0);
  EXPECT_NEAR(moved(0.75) / moved(0.0), 0.25, 0.02);
}

// After three quarters of the run an annealed weight of the entropy acts as a quarter of it.
TEST_F(PolicyGradientGolden, TheEntropysWeightFallsOverTheRun) {
  const auto after = [&](PolicyGradientConfig& config, double coefficient, bool anneals) {
    config.anneal_learning_rate = false;
    config.entropy_coefficient = coefficient;
    config.anneal_entropy = anneals;
    const auto agent = config.make(golden_spec(false), at::kCPU, 0);
    Rng rng(1);
    dynamic_cast<RolloutAgent&>(*agent).update(rollout("ppo"), 0.75, rng);
    return tensors_of(*agent);
  };
  PpoConfig ppo = small_ppo();
  A2cConfig a2c;
  ReinforceConfig reinforce;
  for (PolicyGradientConfig* config :
       std::initializer_list<PolicyGradientConfig*>{&ppo, &a2c, &reinforce}) {
    const auto expected = after(*config, 0.125, false);
    expect_same_bits(after(*config, 0.5, true), expected);
    const std::string weight = "networks.policy.0.weight";
    EXPECT_GT(max_difference(after(*config, 0.5, false).at(weight), expected.at(weight)), 0.0);
  }
}

// Every step pays 1 and ends its episode; gamma = 1/2. After a truncation the value is that of
// endless rewards.
TEST(PolicyGradient, TruncationIsBootstrappedAndTerminationIsNot) {
  const auto value_after = [](PolicyGradientConfig& config, bool truncated) {
    config.hidden_sizes = {8};
    config.gamma = 0.5;
    config.learning_rate = 0.02;
    config.anneal_learning_rate = config.normalize_observation = false;
    config.rollout_steps = 4;
    const EnvSpec spec = golden_spec(false);
    const auto made = config.make(spec, at::kCPU, 1);
    auto& agent = dynamic_cast<PolicyGradientAgent&>(*made);
    Rng rng(1);
    Rollout rollout = test::random_rollout(agent, spec, 2, rng);
    rollout.obs = {{"observation", at::ones({4, 2, 3})}};
    rollout.last_obs = {{"observation", at::ones({2, 3})}};
    rollout.reward = at::ones({4, 2});
    rollout.truncated = at::full({4, 2}, truncated, at::kBool);
    rollout.terminated = rollout.truncated.logical_not();
    rollout.final_obs = {{"observation", at::ones({truncated ? 8 : 0, 3})}};
    rollout.final_index = at::arange(truncated ? 8 : 0);
    for (int i = 0; i < 600; ++i) agent.update(rollout, 0.0, rng);
    const at::NoGradGuard no_grad;
    return agent.networks().value(at::ones({1, 3})).item<double>();
  };
  PpoConfig ppo;
  ppo.epochs = 1;
  A2cConfig a2c;
  ReinforceConfig reinforce;
  for (PolicyGradientConfig* config :
       std::initializer_list<PolicyGradientConfig*>{&ppo, &a2c, &reinforce}) {
    EXPECT_NEAR(value_after(*config, false), 1.0, 0.02);
    EXPECT_NEAR(value_after(*config, true), 2.0, 0.02);
  }
}

// A bandit of four arms, one of which pays. Every algorithm finds it, and with the opposite reward
// never pulls it. A policy whose advantages have the wrong sign fails both.
TEST(PolicyGradient, FindsTheArmThatPays) {
  const EnvSpec spec = golden_spec(true);
  const auto chance_of_arm_2 = [&](PolicyGradientConfig& config, double pay) {
    config.hidden_sizes = {8};
    config.learning_rate = 0.02;
    config.anneal_learning_rate = config.normalize_observation = false;
    config.rollout_steps = 16;
    const auto made = config.make(spec, at::kCPU, 1);
    auto& agent = dynamic_cast<PolicyGradientAgent&>(*made);
    Rng rng(1);
    for (int i = 0; i < 60; ++i) {
      Rollout rollout = test::random_rollout(agent, spec, 2, rng);
      rollout.obs = {{"observation", at::ones({16, 2, 3})}};
      const auto actor = agent.actor(32, {ActMode::kExplore}, rng.next_uint64());
      const Decision decision = actor->act({{"observation", at::ones({32, 3})}});
      rollout.action = decision.action.view({16, 2});
      rollout.extra = {{"draw", decision.extra.at("draw").view({16, 2})},
                       {"log_prob", decision.extra.at("log_prob").view({16, 2})}};
      rollout.reward = pay * (rollout.action == 2).to(at::kFloat);
      rollout.terminated.fill_(true);
      rollout.truncated.fill_(false);
      agent.update(rollout, 0.0, rng);
    }
    const at::NoGradGuard no_grad;
    return agent.networks()
        .policy(at::ones({1, 3}))
        ->log_prob(at::tensor({2}, at::kLong))
        .exp()
        .item<double>();
  };
  PpoConfig ppo;
  ppo.minibatch = 16;
  ppo.epochs = 4;
  A2cConfig a2c;
  ReinforceConfig with, without;
  without.baseline = false;
  for (PolicyGradientConfig* config :
       std::initializer_list<PolicyGradientConfig*>{&ppo, &a2c, &with, &without}) {
    EXPECT_GT(chance_of_arm_2(*config, 1.0), 0.9);
    EXPECT_LT(chance_of_arm_2(*config, -1.0), 0.1);
  }
}

// Before its first step, update() sees the policy that gathered the rollout: statistics of
// observations must not change in between.
TEST(PolicyGradient, TheRatioIsOneBeforeTheFirstStep) {
  const EnvSpec spec = SpaceAdapter::adapt(test::PointEnv::make_spec({}));
  for (const char* distribution : {"gaussian", "beta"}) {
    PpoConfig config;
    config.distribution = distribution;
    config.rollout_steps = 16;
    config.epochs = 1;
    config.minibatch = 64;
    const auto made = config.make(spec, at::kCPU, 1);
    auto& agent = dynamic_cast<RolloutAgent&>(*made);
    Rng rng(1);
    for (int i = 0; i < 3; ++i) {
      const Rollout rollout = test::random_rollout(agent, spec, 4, rng);
      for (const auto& [name, values] : rollout.obs) agent.observe({{name, flat(values)}});
      const TensorMap learned = agent.update(rollout, 0.0, rng).metrics;
      EXPECT_LT(std::abs(learned.at("policy/kl").item<double>()), 1e-6) << distribution;
      EXPECT_EQ(learned.at("policy/clipped").item<double>(), 0.0) << distribution;
    }
    EXPECT_EQ(tensors_of(*made).at("observation.count").item<double>(), 3 * 64);
  }
}

TEST(PolicyGradient, BeginsNearTheMiddleAndExploresBySamples) {
  const EnvSpec spec = SpaceAdapter::adapt(test::PointEnv::make_spec({}));
  Rng rng(4);
  const TensorMap obs = test::random_observations(spec, 4000, rng, true);
  for (const char* distribution : {"gaussian", "beta"}) {
    PpoConfig config;
    config.distribution = distribution;
    config.initial_log_std = -1.0;
    const auto agent = config.make(spec, at::kCPU, 1);
    const at::Tensor evaluated = agent->actor(4000, {ActMode::kEvaluate}, 1)->act(obs).action;
    EXPECT_LT(evaluated.abs().max().item<double>(), 0.1) << distribution;
    const Decision explored = agent->actor(4000, {ActMode::kExplore}, 1)->act(obs);
    // exp(-1); of Beta(1.69, 1.69) on [-1, 1] 1 / sqrt(2 * 1.69 + 1)
    const double std = distribution == std::string("beta") ? 0.478 : 0.368;
    EXPECT_NEAR(explored.action.std().item<double>(), std, 0.02) << distribution;
    EXPECT_LE(explored.action.abs().max().item<double>(), 1.0) << distribution;
  }
}

// Only the action is clipped to the bounds; the density is that of the unclipped draw.
TEST(PolicyGradient, AGaussiansDrawIsKeptAsItWas) {
  const EnvSpec spec = golden_spec(false);
  PpoConfig config;
  config.initial_log_std = 1.0;
  const auto agent = config.make(spec, at::kCPU, 1);
  const Decision decision =
      agent->actor(500, {ActMode::kExplore}, 1)->act({{"observation", at::ones({500, 3})}});
  const at::Tensor& draw = decision.extra.at("draw");
  EXPECT_GT(draw.abs().max().item<double>(), 2.0);
  EXPECT_TRUE(at::equal(draw.clamp(-1.0, 1.0), decision.action));
}

TEST(PolicyGradient, ABetaOfDiscreteActionsIsRefused) {
  PpoConfig config;
  config.distribution = "beta";
  EXPECT_THAT(input_error([&] { config.make(golden_spec(true), at::kCPU, 1); }),
              HasSubstr("golden has discrete actions; --distribution beta"));
}

TEST(PolicyGradientAct, EvaluatesWithTheMeanOrWithDraws) {
  const TensorMap obs{{"observation", at::ones({500, 3})}};
  PpoConfig config;
  config.distribution = "beta";
  const auto mean = config.make(golden_spec(false), at::kCPU, 0);
  EXPECT_EQ(mean->actor(500, {}, 1)->act(obs).action.std(0).max().item<double>(), 0.0);
  config.deterministic_evaluation = false;
  const auto drawn = config.make(golden_spec(false), at::kCPU, 0);
  EXPECT_GT(drawn->actor(500, {}, 1)->act(obs).action.std(0).min().item<double>(), 0.1);
}

}  // namespace
}  // namespace reverie
