#include "agents/dqn/dqn.h"

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

constexpr int64_t kActions = 4;

EnvSpec dqn_spec() {
  return {.id = "golden",
          .observation = {{.name = "observation", .shape = {3}}},
          .action = DiscreteSpace{.n = kActions}};
}

DqnConfig small_dqn() {
  DqnConfig config;
  config.hidden_sizes = {16, 12};
  config.learning_rate = 1e-3;
  config.max_gradient_norm = 0.5;
  config.target_every = 3;
  config.double_q = false;
  config.atoms = 11;
  config.value_min = -4.0;
  config.value_max = 6.0;
  return config;
}

// The twins of tests/golden/dqn.py.
void expect_pytorchs_updates(const std::string& name, const DqnConfig& config) {
  GoldenUpdates golden("dqn", name);
  const auto agent = config.make(dqn_spec(), at::kCPU, 0);
  golden.begin(*agent);
  auto& learner = dynamic_cast<TransitionAgent&>(*agent);
  golden.compare(learner, 1, {"loss/critic", "value/q"});
  golden.compare(learner, 6, {"loss/critic", "value/q"});
  const TensorMap obs{{"observation", golden.get("probe.obs")}};
  EXPECT_TRUE(at::equal(agent->actor(16, {}, 3)->act(obs).action, golden.get("probe.action")));
}

TEST(DqnUpdate, PlainIsPyTorchs) { expect_pytorchs_updates("plain", small_dqn()); }

TEST(DqnUpdate, DoubleDuelingIsPyTorchs) {
  DqnConfig config = small_dqn();
  config.double_q = true;
  config.dueling = true;
  expect_pytorchs_updates("double_dueling", config);
}

TEST(DqnUpdate, C51IsPyTorchs) {
  DqnConfig config = small_dqn();
  config.distribution = "c51";
  config.dueling = true;
  expect_pytorchs_updates("c51", config);
}

TEST(DqnUpdate, QuantileIsPyTorchs) {
  DqnConfig config = small_dqn();
  config.distribution = "quantile";
  config.double_q = true;
  expect_pytorchs_updates("quantile", config);
}

// State 0: action 0 stays, reward 1; action 1 goes to state 1, reward 0. State 1: action 0 goes
// back, reward 5; action 1 ends the episode, reward 10. With discount 0.9 going round is best:
//   Q(0, 1) = 0.9 Q(1, 0),  Q(1, 0) = max(5 + 0.9 V(0), ...) = 5 / (1 - 0.81)
TEST(DqnLearning, FindsTheExactValuesOfATwoStateChain) {
  const EnvSpec spec = {.id = "chain",
                        .observation = {{.name = "observation", .shape = {2}}},
                        .action = DiscreteSpace{.n = 2}};
  const at::Tensor states = at::eye(2);
  const auto at_states = [&](at::ArrayRef<int64_t> rows) {
    return TensorMap{{"observation", states.index_select(0, at::tensor(rows))}};
  };
  Batch batch{.obs = at_states({0, 0, 1, 1}),
              .next_obs = at_states({0, 1, 0, 1}),
              .action = at::tensor({0, 1, 0, 1}, at::kLong),
              .reward = at::tensor({1.0F, 0.0F, 5.0F, 10.0F}),
              .discount = at::tensor({0.9F, 0.9F, 0.9F, 0.0F}),
              .index = at::arange(4)};
  const double q10 = 5.0 / (1.0 - 0.81);
  const at::Tensor expected = at::tensor({1.0 + 0.81 * q10, 0.9 * q10, q10, 10.0});
  for (const char* distribution : {"none", "c51", "quantile"}) {
    DqnConfig config;
    config.hidden_sizes = {32};
    config.distribution = distribution;
    config.learning_rate = 3e-3;
    config.target_every = 20;
    config.value_min = 0.0;
    config.value_max = 50.0;
    const auto agent = config.make(spec, at::kCPU, 1);
    auto& learner = dynamic_cast<TransitionAgent&>(*agent);
    for (int i = 0; i < 4000; ++i) learner.update(batch);
    for (int64_t i = 0; i < 4; ++i) {
      const auto row = [&](const at::Tensor& x) { return x.narrow(0, i, 1); };
      const Batch one{.obs = {{"observation", row(batch.obs.at("observation"))}},
                      .next_obs = {{"observation", row(batch.next_obs.at("observation"))}},
                      .action = row(batch.action),
                      .reward = row(batch.reward),
                      .discount = row(batch.discount),
                      .index = row(batch.index)};
      EXPECT_NEAR(learner.update(one).metrics.at("value/q").item<double>(),
                  expected[i].item<double>(), 0.1 + 0.05 * expected[i].item<double>())
          << distribution << ", row " << i;
    }
    const at::Tensor best = agent->actor(2, {}, 0)->act(at_states({0, 1})).action;
    EXPECT_TRUE(at::equal(best, at::tensor({1, 0}, at::kLong))) << distribution;
  }
}

TEST(DqnAct, EpsilonFallsLinearlyOverItsSteps) {
  constexpr int64_t kCount = 20000;
  DqnConfig config = small_dqn();
  config.epsilon_start = 0.8;
  config.epsilon_end = 0.2;
  config.epsilon_steps = 2 * kCount;
  const auto agent = config.make(dqn_spec(), at::kCPU, 0);
  const TensorMap obs{{"observation", at::ones({kCount, 3})}};
  const at::Tensor best = agent->actor(kCount, {}, 0)->act(obs).action;
  const auto actor = agent->actor(kCount, {ActMode::kExplore}, 7);
  for (const double epsilon : {0.8, 0.5, 0.2, 0.2}) {
    const at::Tensor action = actor->act(obs).action;
    // A random action is the best one by chance.
    EXPECT_NEAR(action.ne(best).to(at::kDouble).mean().item<double>(),
                epsilon * (kActions - 1) / kActions, 0.012)
        << epsilon;
    for (int64_t a = 0; a < kActions; ++a) {
      EXPECT_GT(action.eq(a).sum().item<int64_t>(), kCount * epsilon / kActions * 0.9) << a;
    }
  }
}

TEST(DqnConfig, RefusesWhatDoesNotFit) {
  EnvSpec spec = dqn_spec();
  spec.action = Field{.name = "action", .shape = {2}, .low = {-1.0F}, .high = {1.0F}};
  EXPECT_THAT(test::input_error([&] { DqnConfig().make(spec, at::kCPU, 0); }),
              testing::HasSubstr("continuous actions"));
  DqnConfig config;
  config.value_min = 3.0;
  config.value_max = 3.0;
  EXPECT_THAT(test::input_error([&] { config.make(dqn_spec(), at::kCPU, 0); }),
              testing::HasSubstr("--value-min 3"));
}

}  // namespace
}  // namespace reverie
