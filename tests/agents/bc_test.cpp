#include "agents/bc/bc.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agents/space_adapter.h"
#include "nn/pch.h"
#include "tests/agents/golden_updates.h"
#include "tests/errors.h"

namespace reverie {
namespace {

using test::GoldenUpdates;
using test::max_difference;

EnvSpec bc_spec() {
  return {.id = "golden",
          .observation = {{.name = "observation", .shape = {3}}},
          .action = Field{.name = "action", .shape = {2}, .low = {-1.0F}, .high = {1.0F}}};
}

struct Case {
  std::string name, policy, deviation;
  bool autoregressive;
};

class BcUpdate : public testing::TestWithParam<Case> {
 protected:
  std::unique_ptr<Agent> make() const {
    BcConfig config;
    config.policy = GetParam().policy;
    config.deviation = GetParam().deviation;
    config.autoregressive = GetParam().autoregressive;
    config.hidden_sizes = {16, 12};
    config.learning_rate = 1e-2;
    config.bins = 5;
    return config.make(bc_spec(), at::kCPU, 0);
  }
};

// The twin of tests/golden/offline.py.
TEST_P(BcUpdate, IsPyTorchs) {
  GoldenUpdates golden("offline", "bc." + GetParam().name);
  golden.expect_no_errors();
  const auto agent = make();
  golden.begin(*agent);
  auto& learner = dynamic_cast<TransitionAgent&>(*agent);
  golden.compare(learner, 1, {"loss/actor", "policy/deviation"});
  golden.compare(learner, 10, {"loss/actor", "policy/deviation"});
  const TensorMap obs{{"observation", golden.get("probe.obs")}};
  EXPECT_LT(max_difference(agent->actor(4, {}, 3)->act(obs).action, golden.get("probe.action")),
            GoldenUpdates::kTolerance);
}

// Draws follow the distribution whose likelihood is learnt: their mean negative log likelihood is
// its entropy, which equals that of other draws.
TEST_P(BcUpdate, DrawsFollowTheDistribution) {
  constexpr int64_t kCount = 20000;
  const auto agent = make();
  const TensorMap obs{{"observation", at::ones({kCount, 3})}};
  const at::Tensor a = agent->actor(kCount, {ActMode::kExplore}, 1)->act(obs).action;
  EXPECT_LE(a.abs().max().item<double>(), 1.0);
  const at::Tensor same = agent->actor(kCount, {ActMode::kExplore}, 1)->act(obs).action;
  EXPECT_TRUE(a.equal(same));
  const at::Tensor center = agent->actor(kCount, {}, 1)->act(obs).action;
  EXPECT_LT(center.std(0).max().item<double>(), 1e-6);
  if (GetParam().policy == "gaussian") {
    // About half of the draws of an untrained policy are within the bounds, on both sides of the
    // mean alike.
    const at::Tensor above = (a > center).to(at::kFloat).mean(0);
    EXPECT_LT((above - 0.5).abs().max().item<double>(), 0.02);
    return;
  }
  const at::Tensor bins = ((a + 1.0) * 2.0).round().to(at::kLong);
  EXPECT_LT(max_difference(a, bins.to(at::kFloat) / 2.0 - 1.0), 1e-6) << "five values";
  for (int64_t i = 0; i < 2; ++i) {
    const at::Tensor counts = at::bincount(bins.select(1, i), {}, 5);
    EXPECT_GT(counts.min().item<int64_t>(), kCount / 20) << "all of them";
    const int64_t most = counts.argmax().item<int64_t>();
    if (i == 0 || !GetParam().autoregressive) {
      EXPECT_EQ(most, ((center[0][i] + 1.0) * 2.0).round().item<int64_t>());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Policies, BcUpdate,
                         testing::Values(Case{"independent", "gaussian", "independent", false},
                                         Case{"dependent", "gaussian", "dependent", false},
                                         Case{"binned", "binned", "independent", false},
                                         Case{"autoregressive", "binned", "independent", true}),
                         [](const auto& param) { return param.param.name; });

// Actions (-1, -1) and (1, 1): the second number follows the first.
TEST(Bc, OnlyAnAutoregressivePolicyJoinsTheNumbersOfAnAction) {
  const at::Tensor obs = at::zeros({64, 3});
  for (const bool autoregressive : {false, true}) {
    BcConfig config;
    config.policy = "binned";
    config.autoregressive = autoregressive;
    config.bins = 3;
    config.hidden_sizes = {16};
    config.learning_rate = 1e-2;
    const auto agent = config.make(bc_spec(), at::kCPU, 0);
    const at::Tensor sign = at::arange(64).remainder(2).to(at::kFloat) * 2.0 - 1.0;
    const Batch batch{.obs = {{"observation", obs}},
                      .next_obs = {{"observation", obs}},
                      .action = at::stack({sign, sign}, 1),
                      .reward = at::zeros({64}),
                      .discount = at::zeros({64}),
                      .index = at::arange(64)};
    for (int i = 0; i < 300; ++i) dynamic_cast<TransitionAgent&>(*agent).update(batch);
    const TensorMap many{{"observation", at::zeros({1000, 3})}};
    const at::Tensor a = agent->actor(1000, {ActMode::kExplore}, 1)->act(many).action;
    const double same = (a.select(1, 0) == a.select(1, 1)).to(at::kFloat).mean().item<double>();
    if (autoregressive) {
      EXPECT_GT(same, 0.97);
    } else {
      EXPECT_NEAR(same, 0.5, 0.06);
    }
  }
}

// Actions tell the sign of the first number of the state; the other two are noise. At a low price
// the code tells about the bit that is worth it, at a high one nothing, and the policy then acts
// alike everywhere.
TEST(BcBottleneck, ReadsWhatActionsDependOnIfItPays) {
  struct Result {
    double information, contrast;
  };
  const auto learn = [](double beta) {
    BcConfig config;
    config.hidden_sizes = {32};
    config.learning_rate = 3e-3;
    config.bottleneck = {.beta = beta, .size = 4};
    const auto agent = config.make(bc_spec(), at::kCPU, 0);
    const NoiseSource noise(at::kCPU, 5);
    double information = 0.0;
    for (int i = 0; i < 400; ++i) {
      const at::Tensor s = noise.normal({64, 3});
      const at::Tensor action =
          0.5 * s.narrow(1, 0, 1).sign().repeat({1, 2}) + 0.2 * noise.normal({64, 2});
      const Learned learned =
          dynamic_cast<TransitionAgent&>(*agent).update({.obs = {{"observation", s}},
                                                         .next_obs = {{"observation", s}},
                                                         .action = action,
                                                         .reward = {},
                                                         .discount = {},
                                                         .index = {}});
      information = learned.metrics.at("policy/information").item<double>();
    }
    const auto actor = agent->actor(2, {}, 1);
    const at::Tensor probe = at::tensor({1.0F, 0.3F, -0.4F, -1.0F, 0.3F, -0.4F}).view({2, 3});
    const at::Tensor action = actor->act({{"observation", probe}}).action;
    return Result{information, (action[0] - action[1]).mean().item<double>()};
  };
  const Result cheap = learn(1e-2), dear = learn(100.0);
  EXPECT_NEAR(cheap.contrast, 1.0, 0.15);
  EXPECT_GT(cheap.information, 0.9 * std::log(2.0));
  EXPECT_LT(std::abs(dear.contrast), 0.05);
  EXPECT_LT(dear.information, 0.02);
}

TEST(BcConfig, RefusesDiscreteActions) {
  EnvSpec spec = bc_spec();
  spec.action = DiscreteSpace{.n = 3};
  EXPECT_THAT(test::input_error([&] { BcConfig().make(spec, at::kCPU, 0); }),
              testing::HasSubstr("discrete actions"));
}

}  // namespace
}  // namespace reverie
