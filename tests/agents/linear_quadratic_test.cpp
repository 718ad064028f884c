// The linear-quadratic problem, whose best policy and values have a closed form.
#include <cmath>

#include <gtest/gtest.h>

#include "agents/registry.h"
#include "nn/layers.h"
#include "nn/pch.h"

namespace reverie {
namespace {

// s' = a s + b u,  reward = -(s^2 + r u^2). With |s|, |u| <= 1 the next state stays within [-1, 1].
constexpr double kA = 0.6, kB = 0.4, kR = 0.1, kGamma = 0.9;

// V(s) = -p s^2, with the discounted Riccati equation's p:
//   p = 1 + gamma a^2 p - (gamma a b p)^2 / (r + gamma b^2 p)
double riccati() {
  double p = 0.0;
  for (int i = 0; i < 1000; ++i) {
    p = 1.0 + kGamma * kA * kA * p -
        std::pow(kGamma * kA * kB * p, 2.0) / (kR + kGamma * kB * kB * p);
  }
  return p;
}

// u = -k s
double best_gain() {
  const double p = riccati();
  return kGamma * kA * kB * p / (kR + kGamma * kB * kB * p);
}

double best_value(double s, double u) {
  const double next = kA * s + kB * u;
  return -(s * s + kR * u * u) - kGamma * riccati() * next * next;
}

Batch batch_of(const at::Tensor& s, const at::Tensor& u) {
  return {.obs = {{"observation", s}},
          .next_obs = {{"observation", kA * s + kB * u}},
          .action = u,
          .reward = -(s.square() + kR * u.square()).squeeze(1),
          .discount = at::full({s.size(0)}, kGamma),
          .index = at::arange(s.size(0))};
}

at::Tensor uniform(int64_t count, Rng& rng) {
  const at::Tensor x = at::empty({count, 1}, at::kFloat);
  fill_uniform(x, 1.0, rng);
  return x;
}

class LinearQuadratic : public testing::TestWithParam<std::string> {};

TEST_P(LinearQuadratic, FindsTheGainAndTheValuesOfRiccatisEquation) {
  // As computed elsewhere. The best policy's actions are within the bounds.
  EXPECT_NEAR(riccati(), 1.1398158, 1e-6);
  EXPECT_NEAR(best_gain(), 0.9321053, 1e-6);
  const EnvSpec spec = {
      .id = "linear-quadratic",
      .observation = {{.name = "observation", .shape = {1}}},
      .action = Field{.name = "action", .shape = {1}, .low = {-1.0F}, .high = {1.0F}}};
  const std::unique_ptr<AgentConfig> config = find_agent(GetParam()).config();
  ConfigFields fields;
  config->describe(fields);
  // Deterministic limits: no noise of targets, a temperature near 0.
  const std::vector<std::pair<std::string, std::string>> options = {
      {"hidden_sizes", "32,32"},
      {"actor_learning_rate", "1e-3"},
      {"critic_learning_rate", "2e-3"},
      {"tau", "0.02"},
      {"target_noise", "0"},
      {"initial_temperature", "1e-4"},
      {"learn_temperature", "false"}};
  for (const auto& [name, value] : options) {
    if (fields.find(name) != nullptr) fields.set(name, value);
  }
  const auto agent = config->make(spec, at::kCPU, 1);
  auto& learner = dynamic_cast<TransitionAgent&>(*agent);
  Rng rng(2);
  for (int i = 0; i < 2500; ++i) learner.update(batch_of(uniform(64, rng), uniform(64, rng)));

  const at::Tensor s = at::tensor({-0.8F, -0.4F, 0.0F, 0.4F, 0.8F}).unsqueeze(1);
  const at::Tensor u = agent->actor(5, {}, 0)->act({{"observation", s}}).action;
  const double gain = -(u * s).sum().item<double>() / s.square().sum().item<double>();
  EXPECT_NEAR(gain, best_gain(), 0.1);
  for (int64_t i = 0; i < 5; ++i) {
    const double state = s[i].item<double>(), action = u[i].item<double>();
    EXPECT_NEAR(action, -best_gain() * state, 0.15) << "s = " << state;
    const Learned learned = learner.update(batch_of(s.narrow(0, i, 1), u.narrow(0, i, 1)));
    EXPECT_NEAR(learned.metrics.at("value/q").item<double>(), best_value(state, action), 0.15)
        << "s = " << state;
  }
}

INSTANTIATE_TEST_SUITE_P(Agents, LinearQuadratic, testing::Values("ddpg", "td3", "sac"),
                         [](const auto& param) { return param.param; });

}  // namespace
}  // namespace reverie
