#include "agents/noisy_actor.h"

#include <cmath>

#include <gtest/gtest.h>

#include "agents/continuous_actions.h"
#include "nn/pch.h"

namespace reverie {
namespace {

// Two environments with two numbers an action; the policy's mean is 0, so that actions are noise.
NoisyActor make_actor(const ExplorationNoise& noise, uint64_t seed = 3) {
  return {[](const TensorMap& /*obs*/) { return at::zeros({2, 2}); }, 2, noise, seed};
}

at::Tensor next(NoisyActor& actor) { return actor.act({}).action.clone(); }

void start(NoisyActor& actor, bool first, bool second) {
  actor.on_episode_start(at::tensor({int64_t{first}, int64_t{second}}).to(at::kBool));
}

TEST(NoisyActor, CorrelatedNoiseFollowsItsEquation) {
  NoisyActor actor = make_actor({.deviation = 0.1, .correlation = 0.6});
  Rng rng(3);
  const at::Tensor like = at::empty({2, 2});
  const at::Tensor e0 = normal_like(like, rng), e1 = normal_like(like, rng),
                   e2 = normal_like(like, rng);
  start(actor, true, true);
  const at::Tensor x0 = e0;
  EXPECT_TRUE(at::allclose(next(actor), 0.1 * x0));
  const at::Tensor x1 = 0.6 * x0 + 0.8 * e1;  // 0.8^2 = 1 - 0.6^2
  EXPECT_TRUE(at::allclose(next(actor), 0.1 * x1));
  start(actor, false, true);
  const at::Tensor x2 = at::stack({0.6 * x1[0] + 0.8 * e2[0], e2[1]});
  EXPECT_TRUE(at::allclose(next(actor), 0.1 * x2)) << "the second environment begins anew";
}

TEST(NoisyActor, CorrelationKeepsTheDeviation) {
  constexpr int kSteps = 20000;
  NoisyActor actor = make_actor({.deviation = 0.2, .correlation = 0.9});
  std::vector<at::Tensor> actions;
  for (int t = 0; t < kSteps; ++t) actions.push_back(next(actor));
  const at::Tensor x = at::stack(actions);
  // Some 1,000 independent draws in each of four columns: 3 % and more are improbable.
  EXPECT_NEAR(x.std().item<double>(), 0.2, 0.008);
  const at::Tensor products = x.slice(0, 0, kSteps - 1) * x.slice(0, 1, kSteps);
  EXPECT_NEAR(products.mean().item<double>() / 0.04, 0.9, 0.08);
}

TEST(NoisyActor, CorrelationContinuesAfterALoad) {
  const ExplorationNoise noise{.deviation = 0.1, .correlation = 0.9};
  NoisyActor actor = make_actor(noise);
  next(actor);
  start(actor, true, false);
  const Checkpoint saved = take_checkpoint(actor);
  const at::Tensor expected = next(actor);

  NoisyActor other = make_actor(noise, 4);
  load_state(other, saved);
  EXPECT_TRUE(next(other).equal(expected));
}

}  // namespace
}  // namespace reverie
