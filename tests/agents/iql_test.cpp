#include "agents/iql/iql.h"

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

EnvSpec iql_spec(int64_t observation = 3, int64_t action = 2) {
  const auto bounds = static_cast<size_t>(action);
  return {.id = "golden",
          .observation = {{.name = "observation", .shape = {observation}}},
          .action = Field{.name = "action",
                          .shape = {action},
                          .low = std::vector<float>(bounds, -1.0F),
                          .high = std::vector<float>(bounds, 1.0F)}};
}

IqlConfig small_iql(const std::string& extraction) {
  IqlConfig config;
  config.extraction = extraction;
  config.hidden_sizes = {16, 12};
  config.actor_learning_rate = 1e-3;
  config.critic_learning_rate = 2e-3;
  config.tau = 0.05;
  config.bins = 5;
  return config;
}

at::Tensor evaluated(Agent& agent, const TensorMap& obs) {
  return agent.actor(obs.begin()->second.size(0), {}, 3)->act(obs).action;
}

struct Case {
  std::string extraction;
  double expectile, temperature, bc_weight;
};

class IqlUpdate : public testing::TestWithParam<Case> {};

// The twin of tests/golden/offline.py.
TEST_P(IqlUpdate, IsPyTorchs) {
  const auto& [extraction, expectile, temperature, bc_weight] = GetParam();
  GoldenUpdates golden("offline", "iql." + extraction);
  IqlConfig config = small_iql(extraction);
  config.expectile = expectile;
  config.temperature = temperature;
  config.bc_weight = bc_weight;
  const auto agent = config.make(iql_spec(), at::kCPU, 0);
  golden.begin(*agent);
  auto& learner = dynamic_cast<TransitionAgent&>(*agent);
  const std::vector<std::string> metrics = {"loss/value", "loss/critic", "loss/actor", "value/v",
                                            "value/q"};
  golden.compare(learner, 1, metrics);
  golden.compare(learner, 10, metrics);
  EXPECT_LT(max_difference(evaluated(*agent, {{"observation", golden.get("probe.obs")}}),
                           golden.get("probe.action")),
            GoldenUpdates::kTolerance);
}

// A bc_weight that ddpg must not read, and a temperature beyond the clip of weights.
INSTANTIATE_TEST_SUITE_P(Extractions, IqlUpdate,
                         testing::Values(Case{"awr", 0.7, 50.0, 0.1},
                                         Case{"awr-discrete", 0.7, 3.0, 0.1},
                                         Case{"ddpg", 0.9, 3.0, 0.1},
                                         Case{"ddpg-bc", 0.9, 3.0, 0.3}),
                         [](const auto& param) {
                           std::string name = param.param.extraction;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(Iql, ValuesDoNotDependOnTheExtraction) {
  std::vector<at::Tensor> values;
  for (const char* extraction : {"awr", "awr-discrete", "ddpg", "ddpg-bc"}) {
    const auto agent = small_iql(extraction).make(iql_spec(), at::kCPU, 5);
    Rng rng(9);
    for (int i = 0; i < 3; ++i) {
      dynamic_cast<TransitionAgent&>(*agent).update(test::random_batch(iql_spec(), 32, rng));
    }
    const TensorMap weights = tensors_of(*agent);
    values.push_back(at::cat({weights.at("critics.4.weight").flatten().detach(),
                              weights.at("value.4.weight").flatten().detach()}));
    EXPECT_TRUE(values.back().equal(values.front())) << extraction;
  }
}

// One state and one step: Q(s, a) is the reward of a. 45 % of the actions are -0.8 and earn 0.9, 45
// % are 0.8 and earn 1, the rest are 0 and earn nothing.
Batch bandit(int64_t size, Rng& rng) {
  std::vector<float> action, reward;
  for (int64_t i = 0; i < size; ++i) {
    const double kind = rng.uniform(0.0, 1.0);
    action.push_back(kind < 0.45 ? -0.8F : kind < 0.9 ? 0.8F : 0.0F);
    reward.push_back(kind < 0.45 ? 0.9F : kind < 0.9 ? 1.0F : 0.0F);
  }
  const at::Tensor obs = at::zeros({size, 1});
  return {.obs = {{"observation", obs}},
          .next_obs = {{"observation", obs}},
          .action = at::tensor(action).unsqueeze(1),
          .reward = at::tensor(reward),
          .discount = at::zeros({size}),
          .index = at::arange(size)};
}

struct Learnt {
  double action, deviation, value;
};

Learnt learn_bandit(const std::string& extraction, double expectile = 0.7) {
  IqlConfig config = small_iql(extraction);
  config.hidden_sizes = {64};
  config.bins = 21;
  config.expectile = expectile;
  config.temperature = 3.0;
  config.actor_learning_rate = 1e-2;
  config.critic_learning_rate = 1e-2;
  const EnvSpec spec = iql_spec(1, 1);
  const auto agent = config.make(spec, at::kCPU, 3);
  Rng rng(4);
  TensorMap metrics;
  double value = 0.0;  // a mean, as the last batches move it
  for (int i = 0; i < 1500; ++i) {
    metrics = dynamic_cast<TransitionAgent&>(*agent).update(bandit(128, rng)).metrics;
    if (i >= 1000) value += metrics.at("value/v").item<double>() / 500.0;
  }
  return {.action = evaluated(*agent, {{"observation", at::zeros({1, 1})}}).item<double>(),
          .deviation = metrics.contains("policy/deviation")
                           ? metrics.at("policy/deviation").item<double>()
                           : 0.0,
          .value = value};
}

// The claim of "Policy extraction in IQL" in one state.
TEST(Iql, AGaussianLiesBetweenTheModesThatOthersChooseFrom) {
  const Learnt gaussian = learn_bandit("awr");
  EXPECT_LT(std::abs(gaussian.action), 0.5);
  EXPECT_GT(gaussian.deviation, 0.6);
  EXPECT_NEAR(learn_bandit("awr-discrete").action, 0.8, 0.11);
  EXPECT_GT(std::abs(learn_bandit("ddpg").action), 0.7);
}

// An expectile v is where  tau E max(r - v, 0) = (1 - tau) E max(v - r, 0).
TEST(Iql, TheExpectileLeadsFromTheMeanToTheBestAction) {
  EXPECT_NEAR(learn_bandit("awr", 0.5).value, 0.855, 0.03);
  EXPECT_NEAR(learn_bandit("awr", 0.98).value, 0.994, 0.015);
  EXPECT_NEAR(learn_bandit("awr", 0.05).value, 0.305, 0.06);
}

TEST(Iql, TerminatedTransitionsDoNotLookAtWhatFollows) {
  Rng rng(9);
  Batch batch = test::random_batch(iql_spec(), 32, rng);
  const auto loss = [&] {
    const auto agent = small_iql("awr").make(iql_spec(), at::kCPU, 0);
    return dynamic_cast<TransitionAgent&>(*agent)
        .update(batch)
        .metrics.at("loss/critic")
        .item<double>();
  };
  batch.discount.zero_();
  const double terminated = loss();
  batch.next_obs = test::random_observations(iql_spec(), 32, rng, true);
  EXPECT_EQ(loss(), terminated);
  batch.discount.fill_(0.99);  // truncated or going on
  EXPECT_NE(loss(), terminated);
}

TEST(IqlConfig, RefusesWhatMakesNoSense) {
  EnvSpec spec = iql_spec();
  spec.action = DiscreteSpace{.n = 3};
  EXPECT_THAT(test::input_error([&] { IqlConfig().make(spec, at::kCPU, 0); }),
              testing::HasSubstr("discrete actions"));
  for (const auto& [name, value] : {std::pair{"expectile", "1"},
                                    {"expectile", "0"},
                                    {"temperature", "-1"},
                                    {"extraction", "ppo"},
                                    {"bins", "1"}}) {
    IqlConfig config;
    ConfigFields fields;
    config.describe(fields);
    EXPECT_THAT(test::input_error([&, n = name, v = value] { fields.set(n, v); }),
                testing::HasSubstr(value));
  }
}

}  // namespace
}  // namespace reverie
