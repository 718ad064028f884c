#include "agents/rnd/rnd.h"

#include <gtest/gtest.h>

#include "agents/space_adapter.h"
#include "nn/pch.h"
#include "tests/agents/point_env.h"
#include "tests/checkpoints.h"
#include "tests/tensors.h"

namespace reverie {
namespace {

using test::expect_same_bits;

const DistillationOptions kSmall{
    .hidden_sizes = {32, 32}, .embedding_size = 16, .learning_rate = 1e-3};

at::Tensor normal_draws(std::vector<int64_t> shape, uint64_t seed) {
  Rng rng(seed);
  at::Tensor values = at::empty(shape, at::kFloat);
  rng.fill_normal(
      std::span<float>(values.mutable_data_ptr<float>(), static_cast<size_t>(values.numel())));
  return values;
}

double mean_of(const at::Tensor& values) { return values.mean().item<double>(); }

// Two clouds of observations. Only one of them is seen repeatedly.
TEST(RandomNetworkDistillation, WhatIsSeenOftenIsNewNoLonger) {
  Rng rng(1);
  RandomNetworkDistillation distillation(3, kSmall, rng, at::kCPU);
  const at::Tensor seen = normal_draws({64, 3}, 2) * 0.3 - 1.0;
  const at::Tensor unseen = normal_draws({64, 3}, 3) * 0.3 + 1.0;
  distillation.observe(at::cat({seen, unseen}));
  const double ratio = mean_of(distillation.novelty(unseen)) / mean_of(distillation.novelty(seen));
  EXPECT_GT(ratio, 0.3) << "at first neither is known";
  EXPECT_LT(ratio, 3.0);
  distillation.update(seen);
  const double first = mean_of(distillation.novelty(seen));
  double loss_before = 0.0, loss = 0.0;
  for (int i = 0; i < 300; ++i) {
    loss = distillation.update(seen).item<double>();
    if (i == 0) loss_before = loss;
  }
  EXPECT_LT(loss, 0.1 * loss_before);
  EXPECT_LT(mean_of(distillation.novelty(seen)), 0.3 * first);
  EXPECT_GT(mean_of(distillation.novelty(unseen)), 5.0 * mean_of(distillation.novelty(seen)));
}

TEST(RandomNetworkDistillation, NoveltyHasTheScaleOfItsOwnDeviation) {
  Rng rng(1);
  RandomNetworkDistillation distillation(3, kSmall, rng, at::kCPU);
  const at::Tensor x = normal_draws({256, 3}, 2);
  distillation.observe(x);
  distillation.update(x);  // a small step: the errors stay nearly what they were
  EXPECT_NEAR(distillation.novelty(x).std().item<double>(), 1.0, 0.2);
  EXPECT_GT(distillation.novelty(x).min().item<double>(), 0.0);
}

TEST(RandomNetworkDistillation, InputsAreStandardisedAndClipped) {
  const auto make = [] {
    Rng rng(1);
    return RandomNetworkDistillation(2, kSmall, rng, at::kCPU);
  };
  auto plain = make(), scaled = make();
  const at::Tensor x = normal_draws({128, 2}, 2);
  const at::Tensor shift = at::tensor({50.0F, -3.0F});
  plain.observe(x);
  scaled.observe(x * 1000.0 + shift);
  EXPECT_TRUE(at::allclose(plain.novelty(x), scaled.novelty(x * 1000.0 + shift), 1e-3, 1e-5));
  const at::Tensor far = at::full({1, 2}, 100.0F);
  EXPECT_TRUE(at::equal(plain.novelty(far), plain.novelty(far * 10.0)));
}

RndConfig small_config() {
  RndConfig config;
  config.distillation = kSmall;
  config.ddpg.hidden_sizes = {32};
  config.ddpg.minibatch = 32;
  return config;
}

TEST(Rnd, TheEnvironmentsRewardChangesNothing) {
  const EnvSpec spec = SpaceAdapter::adapt(test::PointEnv::make_spec({}));
  const auto learn = [&](double reward) {
    const auto made = small_config().make(spec, at::kCPU, 1);
    auto& agent = dynamic_cast<TransitionAgent&>(*made);
    Rng rng(3);
    for (int i = 0; i < 3; ++i) {
      Batch batch = test::random_batch(spec, 32, rng);
      agent.observe(batch.obs);
      batch.reward = at::full({32}, reward);
      agent.update(batch);
    }
    return test::group_of(take_checkpoint(agent), "model");
  };
  expect_same_bits(learn(0.0), learn(100.0));
}

}  // namespace
}  // namespace reverie
