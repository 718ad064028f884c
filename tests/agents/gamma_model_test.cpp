// The gamma-model against the exact occupancy of a walk whose states are known.
#include "agents/gamma_model/gamma_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agents/tabular/successor.h"
#include "nn/pch.h"
#include "tests/errors.h"

namespace reverie {
namespace {

constexpr int64_t kStates = 5;

EnvSpec walk_spec() {
  return {.id = "walk",
          .observation = {{.name = "observation", .shape = {1}}},
          .action = Field{.name = "action", .shape = {1}, .low = {-1.0F}, .high = {1.0F}}};
}

// A walk on a line of five places, 2 apart: an action above 0 goes right, another one left, and the
// ends hold. With `ends` the rightmost place is terminal.
int64_t step_from(int64_t place, bool right) {
  return std::clamp<int64_t>(place + (right ? 1 : -1), 0, kStates - 1);
}

at::Tensor observation(const std::vector<int64_t>& places) {
  std::vector<float> x;
  for (const int64_t place : places) x.push_back(2.0F * static_cast<float>(place));
  return at::tensor(x).unsqueeze(1);
}

Batch walk_batch(double gamma, bool ends, Rng& rng) {
  std::vector<int64_t> from, to;
  std::vector<float> action, next_action, reward, discount;
  for (int i = 0; i < 128; ++i) {
    from.push_back(rng.integers(0, ends ? kStates - 1 : kStates));
    action.push_back(static_cast<float>(rng.uniform(-1.0, 1.0)));
    next_action.push_back(static_cast<float>(rng.uniform(-1.0, 1.0)));
    to.push_back(step_from(from.back(), action.back() > 0.0F));
    reward.push_back(to.back() == kStates - 1 ? 1.0F : 0.0F);
    discount.push_back(ends && to.back() == kStates - 1 ? 0.0F : static_cast<float>(gamma));
  }
  const auto column = [](const std::vector<float>& x) { return at::tensor(x).unsqueeze(1); };
  return {.obs = {{"observation", observation(from)}},
          .next_obs = {{"observation", observation(to)}},
          .action = column(action),
          .reward = at::tensor(reward),
          .discount = at::tensor(discount),
          .index = at::arange(128),
          .next_action = column(next_action),
          .has_next_action = at::ones({128})};
}

std::unique_ptr<Agent> trained(double gamma, bool ends, int updates) {
  GammaModelConfig config;
  config.gamma = gamma;
  config.hidden_sizes = {64, 64};
  config.mixtures = 8;
  config.learning_rate = 1e-3;
  config.tau = 0.02;
  config.candidates = 16;
  config.samples = 256;
  std::unique_ptr<Agent> agent = config.make(walk_spec(), at::kCPU, 1);
  auto& learner = dynamic_cast<TransitionAgent&>(*agent);
  EXPECT_EQ(learner.request().spec.gamma, gamma);
  EXPECT_TRUE(learner.request().spec.next_action);
  Rng rng(7);
  for (int i = 0; i < 20; ++i) agent->observe(walk_batch(gamma, ends, rng).obs);
  for (int i = 0; i < updates; ++i) learner.update(walk_batch(gamma, ends, rng));
  return agent;
}

// The share of draws nearest to each place, after going right or left from one.
std::vector<double> shares(const Agent& agent, int64_t place, bool right) {
  const auto& model = dynamic_cast<const FutureStates&>(agent);
  const at::Tensor x = model.draw_future({{"observation", observation({place})}},
                                         at::full({1, 1}, right ? 0.5 : -0.5), 20000, 3);
  EXPECT_EQ(x.sizes(), at::IntArrayRef({1, 20000, 1}));
  std::vector<double> out(kStates, 0.0);
  const at::Tensor nearest = (x.flatten() / 2.0).round().clamp(0, kStates - 1).to(at::kLong);
  for (int64_t i = 0; i < nearest.numel(); ++i) {
    out[static_cast<size_t>(nearest[i].item<int64_t>())] += 1.0 / 20000.0;
  }
  return out;
}

// The exact ones: (1 - gamma) (1(x = s') + gamma M(s', x)), M of the uniform policy.
std::vector<double> exact_shares(double gamma, int64_t place, bool right) {
  FiniteMdp mdp(kStates, 2);
  for (int64_t s = 0; s < kStates; ++s) {
    for (int64_t a = 0; a < 2; ++a) mdp.add(s, a, {.next = step_from(s, a == 1)});
  }
  const at::Tensor m = exact_successors(mdp, at::full({kStates, 2}, 0.5, at::kDouble), gamma);
  const int64_t next = step_from(place, right);
  std::vector<double> out;
  for (int64_t x = 0; x < kStates; ++x) {
    out.push_back((1.0 - gamma) * ((x == next ? 1.0 : 0.0) + gamma * m[next][x].item<double>()));
  }
  return out;
}

void expect_shares(const Agent& agent, double gamma, double tolerance) {
  for (const int64_t place : {0, 2, 3}) {
    for (const bool right : {false, true}) {
      const std::vector<double> found = shares(agent, place, right);
      const std::vector<double> exact = exact_shares(gamma, place, right);
      for (size_t x = 0; x < kStates; ++x) {
        EXPECT_NEAR(found[x], exact[x], tolerance)
            << "place " << place << (right ? " right" : " left") << ", at " << x;
      }
    }
  }
}

TEST(GammaModel, WithoutDiscountItIsAModelOfOneStep) {
  expect_shares(*trained(0.0, false, 3000), 0.0, 0.04);
}

TEST(GammaModel, FindsTheDiscountedOccupancy) {
  // Off by up to 0.09, as the processor rounds; with a discount of 0.5 by 0.15.
  expect_shares(*trained(0.7, false, 4000), 0.7, 0.12);
}

// After the right end nothing follows: the draws stay there.
TEST(GammaModel, StaysInATerminalState) {
  const std::vector<double> found = shares(*trained(0.7, true, 3000), kStates - 2, true);
  EXPECT_GT(found[kStates - 1], 0.95);
}

TEST(GammaModel, ValuesAreThoseOfItsDraws) {
  const double gamma = 0.7;
  const auto agent = trained(gamma, false, 4000);
  const TensorMap obs{{"observation", observation({3})}};
  const double value = dynamic_cast<ValuesStates&>(*agent).values(obs).item<double>();
  // The greatest of noisy means is a little above the mean.
  EXPECT_NEAR(value, exact_shares(gamma, 3, true)[kStates - 1] / (1.0 - gamma), 0.4);
  EXPECT_LT(exact_shares(gamma, 3, false)[kStates - 1] / (1.0 - gamma), value - 1.0);
  const auto actor = agent->actor(1, {}, 0);
  EXPECT_GT(actor->act(obs).action.item<double>(), 0.0) << "the reward is at the right";
}

// What a transition without a next action would be bootstrapped from is unknown, so its target does
// not count; that of a terminated one does.
TEST(GammaModel, LeavesOutTransitionsWithoutANextAction) {
  GammaModelConfig config;
  config.hidden_sizes = {8};
  config.gamma = 0.7;
  const auto loss = [&](bool known, bool terminated, double moved) {
    const auto agent = config.make(walk_spec(), at::kCPU, 1);
    Rng rng(7);
    Batch batch = walk_batch(0.7, false, rng);
    for (int64_t i = 0; i < 64; ++i) {
      batch.has_next_action[i] = known ? 1.0 : 0.0;
      batch.discount[i] = terminated ? 0.0 : 0.7;
      batch.obs.at("observation")[i] += moved;
    }
    return dynamic_cast<TransitionAgent&>(*agent)
        .update(batch)
        .metrics.at("loss/model")
        .item<double>();
  };
  EXPECT_EQ(loss(false, false, 3.0), loss(false, false, 0.0));
  EXPECT_NE(loss(true, false, 3.0), loss(true, false, 0.0));
  EXPECT_NE(loss(false, true, 3.0), loss(false, true, 0.0));
}

TEST(GammaModel, RefusesDiscreteActions) {
  EnvSpec spec = walk_spec();
  spec.action = DiscreteSpace{3};
  EXPECT_THAT(test::input_error([&] { GammaModelConfig().make(spec, at::kCPU, 0); }),
              testing::HasSubstr("discrete"));
}

}  // namespace
}  // namespace reverie
