#include "nn/normalizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/random.h"
#include "nn/pch.h"
#include "tests/checkpoints.h"
#include "tests/errors.h"
#include "tests/tensors.h"

namespace reverie {
namespace {

using test::expect_same_bits;
using test::input_error;
using test::max_difference;
using testing::HasSubstr;

// [rows, 3] float32 of very different scales; the second feature has a mean that float32 sums of
// squares would drown in.
at::Tensor samples(int64_t rows) {
  Rng rng(11);
  at::Tensor x = at::empty({rows, 3}, at::kFloat);
  auto* out = x.mutable_data_ptr<float>();
  for (int64_t i = 0; i < rows; ++i) {
    *out++ = static_cast<float>(rng.normal(0.5, 2.0));
    *out++ = static_cast<float>(rng.normal(1e4, 1.0));
    *out++ = static_cast<float>(rng.normal(-1e-3, 1e-3));
  }
  return x;
}

at::Tensor directly_normalized(const at::Tensor& all, const at::Tensor& x) {
  const at::Tensor exact = all.to(at::kDouble);
  const at::Tensor mean = exact.mean(0);
  const at::Tensor variance = (exact - mean).square().mean(0);
  return ((x.to(at::kDouble) - mean) / (variance + 1e-8).sqrt()).clamp(-10.0, 10.0);
}

TEST(Normalizer, EqualsTheDirectMeanAndVarianceHoweverTheBatchesAreCut) {
  const at::Tensor x = samples(1000);
  const at::Tensor expected = directly_normalized(x, x);
  for (const std::vector<int64_t>& cuts :
       {std::vector<int64_t>{1000}, {1, 999}, {999, 1}, {1, 1, 1, 7, 290, 700}}) {
    Normalizer normalizer(3, at::kCPU);
    int64_t begin = 0;
    for (const int64_t rows : cuts) {
      normalizer.update(x.narrow(0, begin, rows));
      begin += rows;
    }
    // The mean of 1e4 is applied in float32: half a unit in the last place is 5e-4.
    EXPECT_LT(max_difference(normalizer(x), expected), 1e-3);
    EXPECT_LT(max_difference(normalizer(x).select(1, 0), expected.select(1, 0)), 1e-6);
  }
}

TEST(Normalizer, ClipsAtTen) {
  Normalizer normalizer(1, at::kCPU);
  normalizer.update(at::tensor({-1.0F, 1.0F}).view({2, 1}));
  const at::Tensor y = normalizer(at::tensor({-50.0F, -3.0F, 50.0F}).view({3, 1}));
  EXPECT_LT(max_difference(y, at::tensor({-10.0F, -3.0F, 10.0F}).view({3, 1})), 1e-5);
}

TEST(Normalizer, RestoresWhatItStandardised) {
  Normalizer normalizer(3, at::kCPU);
  const at::Tensor x = samples(100);
  normalizer.update(x);
  const at::Tensor back = normalizer.restored(normalizer(x));
  // float32 holds 1e4 to 1e-3.
  EXPECT_LT(max_difference(back / x, at::ones_like(x)), 1e-5);
}

TEST(Normalizer, OnlyClipsUntilItHasSeenTwoSamples) {
  Normalizer normalizer(2, at::kCPU);
  const at::Tensor x = at::tensor({3.0F, -25.0F}).view({1, 2});
  const at::Tensor clipped = at::tensor({3.0F, -10.0F}).view({1, 2});
  EXPECT_TRUE(at::equal(normalizer(x), clipped));
  normalizer.update(x);
  EXPECT_TRUE(at::equal(normalizer(x), clipped));
  normalizer.update(x + 2.0);
  EXPECT_LT(max_difference(normalizer(x), at::full({1, 2}, -1.0)), 1e-5);
}

TEST(Normalizer, AFeatureThatNeverChangesBecomesZero) {
  Normalizer normalizer(1, at::kCPU);
  for (int i = 0; i < 3; ++i) normalizer.update(at::full({5, 1}, 0.1F));
  EXPECT_EQ(normalizer(at::full({1, 1}, 0.1F)).item<float>(), 0.0F);
}

TEST(Normalizer, SavedAndLoadedContinuesBitEqual) {
  const at::Tensor x = samples(60);
  Normalizer normalizer(3, at::kCPU);
  normalizer.update(x.narrow(0, 0, 31));
  Normalizer resumed(3, at::kCPU);
  test::load(resumed, "obs", test::saved(normalizer, "obs"));
  EXPECT_TRUE(at::equal(resumed(x), normalizer(x)));
  normalizer.update(x.narrow(0, 31, 29));
  resumed.update(x.narrow(0, 31, 29));
  expect_same_bits(test::saved(normalizer, "obs"), test::saved(resumed, "obs"));
}

TEST(Normalizer, LoadNamesWhatDoesNotFit) {
  Normalizer three(3, at::kCPU), other(4, at::kCPU);
  const TensorMap saved = test::saved(three, "obs");
  EXPECT_THAT(input_error([&] { test::load(other, "obs", saved); }), HasSubstr("obs.mean"));
  EXPECT_THAT(input_error([&] { test::load(other, "pixels", saved); }),
              HasSubstr("pixels.mean is missing"));
}

}  // namespace
}  // namespace reverie
