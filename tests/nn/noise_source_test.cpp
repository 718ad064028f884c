#include "nn/noise_source.h"

#include <cmath>

#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include "nn/one_hot.h"
#include "nn/pch.h"
#include "tests/meta_device.h"
#include "tests/tensors.h"

namespace reverie {
namespace {

using test::max_difference;

at::Tensor state_of_process() { return at::detail::getDefaultCPUGenerator().get_state(); }

TEST(NoiseSource, TheSeedDecidesAndTheProcessesGeneratorStaysAsItIs) {
  const at::Tensor before = state_of_process();
  NoiseSource noise(at::kCPU, 3);
  const NoiseSource same(at::kCPU, 3), other(at::kCPU, 4);
  const at::Tensor first = noise.normal({2, 5});
  EXPECT_TRUE(at::equal(first, same.normal({2, 5})));
  EXPECT_FALSE(at::equal(first, other.normal({2, 5})));
  EXPECT_FALSE(at::equal(first, noise.normal({2, 5})));
  noise.reseed(3);
  EXPECT_TRUE(at::equal(first, noise.normal({2, 5})));
  noise.choices(at::ones({2, 3}), 4);
  noise.exponential({3});
  noise.gamma(at::ones({3}));
  noise.permutation(3);
  apply_dropout(first, 0.5, &noise);
  EXPECT_TRUE(at::equal(before, state_of_process()));
}

TEST(NoiseSource, ChoicesFollowTheirChances) {
  const NoiseSource noise(at::kCPU, 1);
  const at::Tensor chances = at::tensor({0.5F, 0.5F, 0.0F, 0.0F, 1.0F, 3.0F}).view({2, 3});
  const at::Tensor drawn = noise.choices(chances, 4000);
  EXPECT_EQ(drawn.scalar_type(), at::kLong);
  EXPECT_EQ(drawn.sizes(), at::IntArrayRef({2, 4000}));
  const at::Tensor share = one_hot_code(drawn, 3).mean(1);
  EXPECT_LT(max_difference(share, chances / chances.sum(1, true)), 0.03);
  // Few choices may be the same one, too: here all of them are.
  const at::Tensor sure = noise.choices(at::tensor({0.0F, 1.0F, 0.0F}).view({1, 3}), 3);
  EXPECT_TRUE(at::equal(sure, at::ones({1, 3}, at::kLong)));
}

TEST(NoiseSource, ExponentialGammaAndPermutationAreWhatTheirNamesSay) {
  const NoiseSource noise(at::kCPU, 1);
  const at::Tensor exponential = noise.exponential({20000});
  EXPECT_GT(exponential.min().item<double>(), 0.0);
  EXPECT_NEAR(exponential.mean().item<double>(), 1.0, 0.04);
  EXPECT_NEAR((exponential > 1.0).to(at::kDouble).mean().item<double>(), std::exp(-1.0), 0.02);
  const at::Tensor gamma = noise.gamma(at::full({20000}, 3.0F));
  EXPECT_NEAR(gamma.mean().item<double>(), 3.0, 0.06);
  EXPECT_NEAR(gamma.var().item<double>(), 3.0, 0.2);
  const at::Tensor order = noise.permutation(1000);
  EXPECT_TRUE(at::equal(std::get<0>(order.sort()), at::arange(1000)));
  EXPECT_FALSE(at::equal(order, at::arange(1000)));
  EXPECT_FALSE(at::equal(order, noise.permutation(1000)));
}

TEST(NoiseSource, DropoutKeepsTheMean) {
  const NoiseSource noise(at::kCPU, 1);
  const at::Tensor x = at::full({10000}, 3.0F);
  const at::Tensor dropped = apply_dropout(x, 0.25, &noise);
  EXPECT_NEAR((dropped == 0.0).to(at::kDouble).mean().item<double>(), 0.25, 0.02);
  EXPECT_NEAR(dropped.mean().item<double>(), 3.0, 0.1);
  EXPECT_TRUE(((dropped == 0.0).logical_or(dropped == 4.0)).all().item<bool>());
  EXPECT_TRUE(apply_dropout(x, 0.0, &noise).is_same(x));
  EXPECT_TRUE(apply_dropout(x, 0.25, nullptr).is_same(x));
}

TEST(NoiseSource, DrawsOnTheDevice) {
  const test::MetaDevice meta;
  NoiseSource noise(at::kMeta, 1);
  noise.reseed(2);
  EXPECT_TRUE(noise.normal({2, 3}).is_meta());
  EXPECT_TRUE(noise.exponential({2, 3}).is_meta());
  EXPECT_TRUE(noise.permutation(4).is_meta());
  EXPECT_EQ(noise.choices(at::ones({2, 3}, at::kMeta), 4).sizes(), at::IntArrayRef({2, 4}));
  EXPECT_TRUE(apply_dropout(at::ones({4}, at::kMeta), 0.5, &noise).is_meta());
  EXPECT_TRUE(meta.faults().empty());
}

TEST(OneHot, ChoicesThatThereAreNotBecomeZeros) {
  const at::Tensor code = one_hot_code(at::tensor({2, 0, 3, -1}, at::kLong).view({2, 2}), 3);
  const at::Tensor expected =
      at::tensor({0.F, 0.F, 1.F, 1.F, 0.F, 0.F, 0.F, 0.F, 0.F, 0.F, 0.F, 0.F}).view({2, 2, 3});
  EXPECT_TRUE(at::equal(code, expected));
}

}  // namespace
}  // namespace reverie
