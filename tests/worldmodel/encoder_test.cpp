// The contract of encoders of pictures.

#include "worldmodel/jepa/encoder.h"

#include <gtest/gtest.h>

#include "nn/pch.h"
#include "tests/checkpoints.h"
#include "tests/errors.h"
#include "tests/tensors.h"

namespace reverie {
namespace {

using test::input_error;
using test::max_difference;

using Maker = std::unique_ptr<Encoder> (*)(Rng& rng);

// Both encode pictures of 3 x 32 x 64 in 24 features.
std::unique_ptr<Encoder> make_conv(Rng& rng) {
  return make_conv_encoder({.height = 32, .width = 64, .channels = {8, 12}, .features = 24}, rng,
                           at::kCPU);
}

std::unique_ptr<Encoder> make_vit(Rng& rng) {
  return make_vit_encoder(
      {.height = 32, .width = 64, .patch = 8, .features = 24, .depth = 2, .hidden_size = 32}, rng,
      at::kCPU);
}

class EncoderContract : public testing::TestWithParam<Maker> {
 protected:
  std::unique_ptr<Encoder> make(uint64_t seed = 1) const {
    Rng rng(seed);
    return GetParam()(rng);
  }
};

TEST_P(EncoderContract, EveryPictureByItself) {
  const auto encoder = make();
  EXPECT_EQ(encoder->features(), 24);
  const at::Tensor pixels = at::randn({5, 3, 32, 64});
  const at::Tensor features = (*encoder)(pixels);
  ASSERT_EQ(features.sizes(), at::IntArrayRef({5, 24}));
  EXPECT_GT(max_difference(features[0], features[1]), 1e-3);
  EXPECT_LT(max_difference((*encoder)(pixels.narrow(0, 3, 1)), features.narrow(0, 3, 1)), 1e-5);
}

TEST_P(EncoderContract, AllParametersLearn) {
  const auto encoder = make();
  // Weighted, because a final layer norm gives every picture the same plain sum of squares.
  ((*encoder)(at::randn({5, 3, 32, 64})) * at::randn({5, 24})).sum().backward();
  for (const auto& [name, parameter] : encoder->parameters().named()) {
    // Scores that all keys share do not change a softmax.
    if (name.ends_with("key.bias")) continue;
    EXPECT_GT(parameter.grad().abs().max().item<double>(), 1e-3) << name;
  }
}

TEST_P(EncoderContract, SavesAndLoads) {
  const auto encoder = make(1), other = make(2);
  const at::Tensor pixels = at::randn({2, 3, 32, 64});
  EXPECT_GT(max_difference((*encoder)(pixels), (*other)(pixels)), 1e-3);
  const TensorMap saved = test::saved(*encoder, "encoder");
  test::load(*other, "encoder", saved);
  EXPECT_TRUE(at::equal((*encoder)(pixels), (*other)(pixels)));
  EXPECT_NE(input_error([&] { test::load(*other, "other", saved); }).find("is missing"),
            std::string::npos);
}

TEST_P(EncoderContract, RefusesOtherPictures) {
  const auto encoder = make();
  // As many pixels in another orientation.
  EXPECT_EQ(input_error([&] {
              (*encoder)(at::zeros({5, 3, 64, 32}));
            }),
            "encoder: pixels of shape 5x3x64x32, expected pictures x 3 x 32 x 64");
  EXPECT_NE(input_error([&] {
              (*encoder)(at::zeros({3, 32, 64}));
            }).find("3x32x64"),
            std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Encoders, EncoderContract, testing::Values(&make_conv, &make_vit),
                         [](const auto& encoder) {
                           return encoder.index == 0 ? "Convolutional" : "VisionTransformer";
                         });

TEST(ConvEncoder, RefusesSidesThatTheStridesDoNotDivide) {
  Rng rng(1);
  const auto make = [&](const ConvEncoderOptions& options) {
    make_conv_encoder(options, rng, at::kCPU);
  };
  EXPECT_EQ(input_error([&] { make({.height = 64, .width = 72}); }),
            "convolutional encoder: pictures of 72x64 pixels, expected sides that 16 divides");
  EXPECT_NE(input_error([&] { make({.height = 0}); }).find("64x0"), std::string::npos);
  EXPECT_NE(input_error([&] { make({.channels = {}}); }).find("no layers"), std::string::npos);
}

}  // namespace
}  // namespace reverie
