// Learning that stays near a fixed policy.
//
// With one state, episodes of one step and the reward r(a) = -k/2 (a - c)^2, the policy that
// maximises  E r - alpha KL(pi, pi_0)  is proportional to pi_0 exp(r / alpha). For the prior
// N(m, s^2) it is the Gaussian of precision 1/s^2 + k/alpha around
// (m/s^2 + k c/alpha) / (1/s^2 + k/alpha), and the maximum is alpha log E_0 exp(r / alpha).
#include <cmath>
#include <numbers>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agents/bc/bc.h"
#include "agents/iql/iql.h"
#include "agents/policy_gradient/a2c.h"
#include "agents/policy_gradient/policy_gradient.h"
#include "agents/policy_gradient/ppo.h"
#include "agents/sac/sac.h"
#include "agents/td3/td3.h"
#include "nn/distributions.h"
#include "nn/pch.h"
#include "tests/agents/point_env.h"
#include "tests/errors.h"
#include "tests/tensors.h"

namespace reverie {
namespace {

using test::max_difference;

constexpr double kM = -0.2, kS = 0.25;                 // of the prior
constexpr double kC = 0.4, kK = 2.0;                   // of the reward
constexpr double kAlpha = 0.1;                         // weight of the divergence
constexpr double kMean = 0.4 / 3.0, kStd = 1.0 / 6.0;  // of the best policy: 16 + 20 = 36
constexpr double kBest = -0.2005465;                   // [reward] E r - alpha KL of the best policy

EnvSpec spec_of(int64_t actions = 1) {
  return {.id = "bandit",
          .observation = {{.name = "observation", .shape = {1}}},
          .action = Field{.name = "action", .shape = {actions}, .low = {-1.0F}, .high = {1.0F}}};
}

at::Tensor reward_of(const at::Tensor& action) {
  return -0.5 * kK * (action - kC).square().squeeze(-1);
}

class GaussianPrior final : public Agent {
 public:
  std::unique_ptr<Actor> actor(int64_t, const Acting&, uint64_t) override { return nullptr; }
  ActionDensity density() const override {
    return {.log_prob =
                [](const TensorMap&, const at::Tensor& action) {
                  return Gaussian(at::full_like(action, kM), at::full_like(action, std::log(kS)))
                      .log_prob(action);
                },
            .beyond_bounds = true};
  }
  void state(StateList&) override {}
};

void follow(Agent& agent) {
  dynamic_cast<FollowsPrior&>(agent).follow(std::make_shared<GaussianPrior>());
}

struct Moments {
  double mean, std;
};

Moments draws_of(Agent& agent) {
  constexpr int64_t kCount = 20000;
  const at::Tensor action = agent.actor(kCount, {ActMode::kExplore}, 7)
                                ->act({{"observation", at::zeros({kCount, 1})}})
                                .action.to(at::kDouble);
  return {action.mean().item<double>(), action.std().item<double>()};
}

TEST(Prior, TheClosedFormIsThatOfNumericalIntegration) {
  double total = 0.0, first = 0.0, second = 0.0;
  constexpr double kStep = 1e-4;
  for (double a = -4.0; a < 4.0; a += kStep) {
    const double z = (a - kM) / kS;
    const double weight = std::exp(-0.5 * z * z - 0.5 * kK * (a - kC) * (a - kC) / kAlpha) /
                          (kS * std::sqrt(2.0 * std::numbers::pi)) * kStep;
    total += weight;
    first += weight * a;
    second += weight * a * a;
  }
  const double mean = first / total;
  EXPECT_NEAR(mean, kMean, 1e-6);
  EXPECT_NEAR(std::sqrt(second / total - mean * mean), kStd, 1e-6);
  EXPECT_NEAR(kAlpha * std::log(total), kBest, 1e-6);
}

// Episodes that go on for ever in the one state: V = gamma V + the maximum of one step, so Q(a) =
// r(a) + gamma V shows whether the target holds the divergence too.
TEST(Prior, SacFindsTheBestCompromise) {
  SacConfig config;
  config.hidden_sizes = {32, 32};
  config.actor_learning_rate = 2e-3;
  config.critic_learning_rate = 3e-3;
  config.tau = 0.05;
  config.initial_temperature = kAlpha;
  config.learn_temperature = false;
  const auto agent = config.make(spec_of(), at::kCPU, 1);
  follow(*agent);
  auto& learner = dynamic_cast<TransitionAgent&>(*agent);
  constexpr double kGamma = 0.5;
  Rng rng(3);
  const auto batch = [&] {
    const at::Tensor action = at::empty({128, 1}, at::kFloat);
    fill_uniform(action, 1.0, rng);
    return Batch{.obs = {{"observation", at::zeros({128, 1})}},
                 .next_obs = {{"observation", at::zeros({128, 1})}},
                 .action = action,
                 .reward = reward_of(action),
                 .discount = at::full({128}, kGamma),
                 .index = at::arange(128)};
  };
  for (int i = 0; i < 2500; ++i) learner.update(batch());
  const auto [mean, std] = draws_of(*agent);
  EXPECT_NEAR(mean, kMean, 0.03);  // the prior's is -0.2, the reward's 0.4
  EXPECT_NEAR(std, kStd, 0.02);    // of the reward and the entropy alone 0.22
  const Batch last = batch();
  const double expected = last.reward.mean().item<double>() + kGamma * kBest / (1.0 - kGamma);
  const Learned learned = learner.update(last);
  EXPECT_NEAR(learned.metrics.at("value/q").item<double>(), expected, 0.02);
  // KL of N(2/15, 1/36) from N(-0.2, 1/16).
  EXPECT_NEAR(learned.metrics.at("policy/divergence").item<double>(), 1.0165762, 0.1);
}

TEST(Prior, SacReachesTheDivergenceThatIsAskedFor) {
  SacConfig config;
  config.hidden_sizes = {32, 32};
  config.actor_learning_rate = 2e-3;
  config.critic_learning_rate = 3e-3;
  config.temperature_learning_rate = 3e-3;
  config.initial_temperature = 1.0;
  config.target_divergence = 0.5;
  config.gamma = 0.0;
  const auto agent = config.make(spec_of(), at::kCPU, 1);
  follow(*agent);
  auto& learner = dynamic_cast<TransitionAgent&>(*agent);
  Rng rng(3);
  double divergence = 0.0;
  for (int i = 0; i < 3000; ++i) {
    const at::Tensor action = at::empty({128, 1}, at::kFloat);
    fill_uniform(action, 1.0, rng);
    const Learned learned = learner.update({.obs = {{"observation", at::zeros({128, 1})}},
                                            .next_obs = {{"observation", at::zeros({128, 1})}},
                                            .action = action,
                                            .reward = reward_of(action),
                                            .discount = at::zeros({128}),
                                            .index = at::arange(128)});
    if (i >= 2900) divergence += learned.metrics.at("policy/divergence").item<double>() / 100;
  }
  EXPECT_NEAR(divergence, 0.5, 0.1);
}

// One rollout of episodes of one step.
Rollout rollout_of(Agent& agent, int64_t steps, uint64_t seed) {
  const auto actor = agent.actor(1, {ActMode::kExplore}, seed);
  std::vector<at::Tensor> actions, draws, log_probs;
  for (int64_t t = 0; t < steps; ++t) {
    Decision decision = actor->act({{"observation", at::zeros({1, 1})}});
    actions.push_back(decision.action);
    draws.push_back(decision.extra.at("draw"));
    log_probs.push_back(decision.extra.at("log_prob"));
  }
  const at::Tensor draw = at::stack(draws), action = at::stack(actions);
  return {.obs = {{"observation", at::zeros({steps, 1, 1})}},
          .started = at::ones({steps, 1}, at::kBool),
          .action = action,
          .extra = {{"draw", draw}, {"log_prob", at::stack(log_probs)}},
          .reward = reward_of(action),
          .terminated = at::ones({steps, 1}, at::kBool),
          .truncated = at::zeros({steps, 1}, at::kBool),
          .last_obs = {{"observation", at::zeros({1, 1})}},
          .final_obs = {{"observation", at::zeros({0, 1})}},
          .final_index = at::zeros({0}, at::kLong)};
}

class PriorOfPolicyGradients : public testing::TestWithParam<std::string> {};

TEST_P(PriorOfPolicyGradients, FindTheBestCompromise) {
  PpoConfig config;
  config.hidden_sizes = {16};
  config.distribution = GetParam();
  config.initial_log_std = -0.5;
  config.learning_rate = 3e-3;
  config.minibatch = 128;
  config.epochs = 6;
  config.normalize_observation = false;
  config.kl_coefficient = kAlpha;
  const auto agent = config.make(spec_of(), at::kCPU, 1);
  follow(*agent);
  auto& learner = dynamic_cast<RolloutAgent&>(*agent);
  Rng rng(3);
  TensorMap metrics;
  for (int i = 0; i < 120; ++i) {
    const Rollout rollout = rollout_of(*agent, 256, static_cast<uint64_t>(i));
    metrics = learner.update(rollout, i / 120.0, rng).metrics;
  }
  const auto [mean, std] = draws_of(*agent);
  EXPECT_NEAR(mean, kMean, 0.03);
  EXPECT_NEAR(std, kStd, 0.02);
  EXPECT_NEAR(metrics.at("policy/divergence").item<double>(), 1.0165762, 0.2);
}

INSTANTIATE_TEST_SUITE_P(Distributions, PriorOfPolicyGradients, testing::Values("gaussian", "beta"),
                         [](const auto& param) { return param.param; });

// An agent of random weights for the spec, and its density at random states and actions.
void expect_density_of_draws(Agent& agent, const EnvSpec& spec) {
  constexpr int64_t kCount = 40000;
  const ActionDensity density = agent.density();
  ASSERT_TRUE(density);
  const at::Tensor state = at::full({1, 1}, 0.7);
  // Integrates over the bounds.
  const at::Tensor grid = at::linspace(-0.9995, 0.9995, 2000).unsqueeze(1);
  const at::Tensor on_grid = density.log_prob({{"observation", state.expand({2000, 1})}}, grid);
  const double mass = on_grid.exp().sum().item<double>() * 0.001;
  const at::Tensor draws = agent.actor(kCount, {ActMode::kExplore}, 3)
                               ->act({{"observation", state.expand({kCount, 1})}})
                               .action;
  const double inside = (draws.abs() < 0.9995).to(at::kDouble).mean().item<double>();
  EXPECT_NEAR(mass, inside, 0.02) << spec.id;
  const double mean = (on_grid.exp().unsqueeze(1) * grid).sum().item<double>() * 0.001;
  const double drawn = draws.masked_fill(draws.abs() >= 0.9995, 0.0).mean().item<double>();
  EXPECT_NEAR(mean, drawn, 0.02);
}

TEST(Prior, DensitiesAreThoseOfTheDraws) {
  const EnvSpec spec = spec_of();
  expect_density_of_draws(*SacConfig().make(spec, at::kCPU, 1), spec);
  expect_density_of_draws(*BcConfig().make(spec, at::kCPU, 1), spec);
  expect_density_of_draws(*IqlConfig().make(spec, at::kCPU, 1), spec);
  PpoConfig ppo;
  ppo.initial_log_std = -1.0;
  expect_density_of_draws(*ppo.make(spec, at::kCPU, 1), spec);
  ppo.distribution = "beta";
  expect_density_of_draws(*ppo.make(spec, at::kCPU, 1), spec);
}

TEST(Prior, PoliciesWithoutADensitySaySo) {
  EXPECT_FALSE(Td3Config().make(spec_of(), at::kCPU, 1)->density());
  BcConfig bins;
  bins.policy = "binned";
  EXPECT_FALSE(bins.make(spec_of(), at::kCPU, 1)->density());
  IqlConfig ddpg;
  ddpg.extraction = "ddpg";
  EXPECT_FALSE(ddpg.make(spec_of(), at::kCPU, 1)->density());
  PpoConfig memory;
  memory.memory = "gru";
  EXPECT_FALSE(memory.make(spec_of(), at::kCPU, 1)->density());
}

// A squashed Gaussian has no density where a Gaussian may draw.
TEST(Prior, GaussiansNeedOneBeyondTheBounds) {
  const std::shared_ptr<Agent> squashed = SacConfig().make(spec_of(), at::kCPU, 1);
  const std::shared_ptr<Agent> plain = BcConfig().make(spec_of(), at::kCPU, 1);
  PpoConfig config;
  const auto of_config = [&] { return config.make(spec_of(), at::kCPU, 1); };
  EXPECT_THAT(
      test::input_error([&] { dynamic_cast<FollowsPrior&>(*of_config()).follow(squashed); }),
      testing::HasSubstr("--distribution beta"));
  dynamic_cast<FollowsPrior&>(*of_config()).follow(plain);
  config.distribution = "beta";
  dynamic_cast<FollowsPrior&>(*of_config()).follow(squashed);
}

at::Tensor evaluated(Agent& agent) {
  return agent.actor(3, {}, 1)
      ->act({{"observation", at::tensor({-1.0F, 0.2F, 2.0F}).unsqueeze(1)}})
      .action;
}

template <typename Config>
void expect_to_begin_with_equal_sizes_only(Config config, Config other_sizes) {
  const auto learner = config.make(spec_of(2), at::kCPU, 1);
  std::shared_ptr<Agent> prior = config.make(spec_of(2), at::kCPU, 2);
  const at::Tensor wanted = evaluated(*prior), before = evaluated(*learner);
  ASSERT_GT(max_difference(wanted, before), 1e-4);
  dynamic_cast<FollowsPrior&>(*learner).follow(prior);
  EXPECT_EQ(max_difference(evaluated(*learner), wanted), 0.0);
  const auto other = other_sizes.make(spec_of(2), at::kCPU, 1);
  const at::Tensor own = evaluated(*other);
  dynamic_cast<FollowsPrior&>(*other).follow(prior);
  EXPECT_EQ(max_difference(evaluated(*other), own), 0.0);
}

TEST(Prior, APolicyOfTheSameSizesIsTheBeginning) {
  SacConfig sac, small_sac;
  small_sac.hidden_sizes = {8};
  expect_to_begin_with_equal_sizes_only(sac, small_sac);
  A2cConfig a2c, small_a2c;
  small_a2c.hidden_sizes = {8};
  expect_to_begin_with_equal_sizes_only(a2c, small_a2c);
}

}  // namespace
}  // namespace reverie
