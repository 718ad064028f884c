// Reward models from preferences whose judges are known.
#include "agents/preferences/reward_model.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agents/preferences/preference_training.h"
#include "nn/pch.h"
#include "tests/errors.h"
#include "tests/meta_device.h"

namespace reverie {
namespace {

EnvSpec line_spec() {
  return {.id = "line",
          .observation = {{.name = "observation", .shape = {1}}},
          .action = Field{.name = "action", .shape = {1}, .low = {-1.0F}, .high = {1.0F}}};
}

// Pairs of segments of 5 steps whose reward is x + 2 a; `groups`: 1, or 2 groups of judges of whom
// the second wants the opposite.
Preferences pairs_of(int64_t count, int64_t groups, Rng& rng) {
  std::vector<float> x, a;
  for (int64_t i = 0; i < count * 10; ++i) {
    x.push_back(static_cast<float>(rng.uniform(-1.0, 1.0)));
    a.push_back(static_cast<float>(rng.uniform(-1.0, 1.0)));
  }
  Preferences pairs{.obs = {{"observation", at::tensor(x).view({count, 2, 5, 1})}},
                    .action = at::tensor(a).view({count, 2, 5, 1}),
                    .preference = {}};
  const at::Tensor sums =
      (pairs.obs.at("observation") + 2.0 * pairs.action).squeeze(3).sum(2).to(at::kDouble);
  std::vector<at::Tensor> returns = {sums};
  if (groups == 2) returns.push_back(-sums);
  pairs.preference = judged(at::stack(returns), 0.0, rng);
  return pairs;
}

std::unique_ptr<Agent> make(int64_t ensemble, const EnvSpec& spec = line_spec()) {
  RewardModelConfig config;
  config.hidden_sizes = {32};
  config.learning_rate = 3e-3;
  config.ensemble = ensemble;
  config.normalize_observation = false;
  return config.make(spec, at::kCPU, 3);
}

RewardAgent& rewarding(const std::unique_ptr<Agent>& agent) {
  return dynamic_cast<RewardAgent&>(*agent);
}

// What it gives where x = 1, a = 1, less what it gives where both are -1. The judges' is 6.
double spread(const RewardAgent& agent) {
  const at::Tensor ends = at::tensor({-1.0F, 1.0F}).unsqueeze(1);
  const at::Tensor r = agent.rewards({{"observation", ends}}, ends);
  return (r[1] - r[0]).item<double>();
}

TEST(RewardModel, LossIsBradleyAndTerrys) {
  const auto agent = make(1);
  Rng rng(1);
  const Preferences pairs = pairs_of(7, 1, rng);
  const at::Tensor r = rewarding(agent).rewards(
      {{"observation", pairs.obs.at("observation").flatten(0, 2)}}, pairs.action.flatten(0, 2));
  const at::Tensor sums = r.view({7, 2, 5}).sum(2);
  double expected = 0.0;
  for (int64_t p = 0; p < 7; ++p) {
    const double first = sums[p][0].item<double>(), second = sums[p][1].item<double>();
    const bool prefers_second = pairs.preference[p].item<float>() == 1.0F;
    const double chosen = prefers_second ? second : first;
    expected -= chosen - std::log(std::exp(first) + std::exp(second));
  }
  EXPECT_NEAR(rewarding(agent).update(pairs).metrics.at("loss/preferences").item<double>(),
              expected / 7.0, 1e-5);
}

TEST(RewardModel, FindsWhatTheJudgesWant) {
  const auto agent = make(3);
  Rng rng(2);
  const Preferences pairs = pairs_of(512, 1, rng), others = pairs_of(512, 1, rng);
  EXPECT_LT(rewarding(agent).accuracy(others).item<double>(), 0.9) << "nothing is learnt yet";
  for (int i = 0; i < 300; ++i) rewarding(agent).update(pairs);
  EXPECT_GT(rewarding(agent).accuracy(others).item<double>(), 0.95);
  EXPECT_GT(spread(rewarding(agent)), 3.0);
  // An action counts twice as much as a state.
  const at::Tensor zero = at::zeros({1, 1}), one = at::ones({1, 1});
  const auto reward = [&](const at::Tensor& x, const at::Tensor& a) {
    return rewarding(agent).rewards({{"observation", x}}, a).item<double>();
  };
  const double of_state = reward(one, zero) - reward(zero, zero);
  const double of_action = reward(zero, one) - reward(zero, zero);
  EXPECT_NEAR(of_action / of_state, 2.0, 0.6);
}

// Two groups that want opposite things: the model gives what both want on average, which is
// nothing.
TEST(RewardModel, AveragesGroupsThatDisagree) {
  const auto agent = make(3);
  Rng rng(2);
  const Preferences pairs = pairs_of(4096, 2, rng);
  for (int i = 0; i < 300; ++i) rewarding(agent).update(pairs);
  EXPECT_LT(std::abs(spread(rewarding(agent))), 0.5);
  EXPECT_NEAR(rewarding(agent).accuracy(pairs_of(512, 2, rng)).item<double>(), 0.5, 0.08);
}

TEST(RewardModel, ReadsDiscreteActions) {
  EnvSpec spec = line_spec();
  spec.action = DiscreteSpace{3};
  const auto agent = make(2, spec);
  Rng rng(4);
  std::vector<float> x;
  std::vector<int64_t> a;
  for (int i = 0; i < 256 * 4; ++i) {
    x.push_back(static_cast<float>(rng.uniform(-1.0, 1.0)));
    a.push_back(rng.integers(0, 3));
  }
  Preferences pairs{.obs = {{"observation", at::tensor(x).view({256, 2, 2, 1})}},
                    .action = at::tensor(a).view({256, 2, 2}),
                    .preference = {}};
  const at::Tensor wanted = pairs.action.eq(1).to(at::kDouble).sum(2);  // action 1 alone
  pairs.preference = judged(wanted.unsqueeze(0), 0.0, rng);
  for (int i = 0; i < 300; ++i) rewarding(agent).update(pairs);
  const at::Tensor r =
      rewarding(agent).rewards({{"observation", at::zeros({3, 1})}}, at::arange(3));
  EXPECT_GT(r[1].item<double>(), r[0].item<double>() + 0.5);
  EXPECT_GT(r[1].item<double>(), r[2].item<double>() + 0.5);
}

TEST(RewardModel, AnUpdateReadsNoValue) {
  for (const bool discrete : {false, true}) {
    EnvSpec spec = line_spec();
    if (discrete) spec.action = DiscreteSpace{3};
    RewardModelConfig config;
    config.hidden_sizes = {8};
    const auto agent = config.make(spec, at::kMeta, 1);
    const auto meta = at::TensorOptions(at::kMeta);
    const Preferences pairs{.obs = {{"observation", at::zeros({4, 2, 5, 1}, meta)}},
                            .action = discrete ? at::zeros({4, 2, 5}, meta.dtype(at::kLong))
                                               : at::zeros({4, 2, 5, 1}, meta),
                            .preference = at::zeros({4}, meta)};
    const test::MetaDevice device;
    agent->observe({{"observation", at::zeros({40, 1}, meta)}});
    EXPECT_TRUE(rewarding(agent).update(pairs).metrics.at("loss/preferences").device().is_meta());
    EXPECT_THAT(device.faults(), testing::IsEmpty());
  }
}

TEST(RewardModel, HasNoActions) {
  const auto agent = make(1);
  EXPECT_THAT(test::input_error([&] { agent->actor(1, {}, 0); }),
              testing::HasSubstr("--reward-run"));
}

double share_of_second(double first, double second, double doubt) {
  Rng rng(5);
  const at::Tensor returns =
      at::tensor({first, second}, at::kDouble).view({1, 1, 2}).expand({1, 20000, 2}).contiguous();
  return judged(returns, doubt, rng).mean().item<double>();
}

TEST(Judges, PreferTheGreaterSum) {
  EXPECT_EQ(share_of_second(1.0, 1.5, 0.0), 1.0);
  EXPECT_EQ(share_of_second(1.5, 1.0, 0.0), 0.0);
  EXPECT_NEAR(share_of_second(1.0, 1.0, 0.0), 0.5, 0.02);
  // sigmoid(0.5 / 0.5) and sigmoid(-1 / 2)
  EXPECT_NEAR(share_of_second(1.0, 1.5, 0.5), 0.7311, 0.015);
  EXPECT_NEAR(share_of_second(2.0, 1.0, 2.0), 0.3775, 0.015);
}

}  // namespace
}  // namespace reverie
