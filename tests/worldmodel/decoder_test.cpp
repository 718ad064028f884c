// The picture decoder: it learns to draw pictures from latents, and is restored from its file.

#include "worldmodel/decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nn/adam.h"
#include "nn/device.h"
#include "nn/pch.h"
#include "nn/safetensors.h"
#include "tests/checkpoints.h"
#include "tests/errors.h"
#include "tests/temporary_folder.h"
#include "tests/tensors.h"

namespace reverie {
namespace {

using test::input_error;
using test::max_difference;
using test::TemporaryFolder;
using testing::AllOf;
using testing::HasSubstr;

constexpr int64_t kHeight = 16, kWidth = 32;

Decoder make(uint64_t seed = 1, int64_t latent_size = 3) {
  Rng rng(seed);
  return {latent_size, {kHeight, kWidth, 3}, rng, at::kCPU};
}

// A red square of 4 x 4 pixels on a striped background, and latents that hold its position.
struct Scene {
  at::Tensor latents;  // [N, 3]
  at::Tensor pixels;   // [N, H, W, 3]
};

Scene scene() {
  const at::Tensor background = at::zeros({kHeight, kWidth, 3}, at::kByte);
  background.slice(1, 0, kWidth, 4).fill_(200);
  std::vector<at::Tensor> pictures, latents;
  for (int64_t y = 0; y + 4 <= kHeight; y += 2) {
    for (int64_t x = 0; x + 4 <= kWidth; x += 2) {
      const at::Tensor picture = background.clone();
      const at::Tensor square = picture.narrow(0, y, 4).narrow(1, x, 4);
      square.zero_();
      square.select(2, 0).fill_(255);
      pictures.push_back(picture);
      latents.push_back(at::tensor({0.1 * static_cast<double>(x), 5.0 + static_cast<double>(y),
                                    static_cast<double>(7)})
                            .to(at::kFloat));
    }
  }
  return {at::stack(latents), at::stack(pictures)};
}

TEST(Decoder, LearnsWhereASmallThingIs) {
  set_compute_threads(1);  // a second one gains nothing here, and loses much on a busy machine
  const Scene data = scene();
  Decoder decoder = make();
  decoder.set_statistics(data.latents, data.pixels);
  Adam adam(decoder.parameters(), {.learning_rate = 3e-3});
  const double before = decoder.loss(data.latents, data.pixels).item<double>();
  for (int i = 0; i < 150; ++i) {
    decoder.parameters().zero_grad();
    decoder.loss(data.latents, data.pixels).backward();
    adam.step();
  }
  EXPECT_LT(decoder.loss(data.latents, data.pixels).item<double>(), 0.05 * before);
  const at::Tensor drawn = decoder.pictures(data.latents);
  ASSERT_EQ(drawn.sizes(), data.pixels.sizes());
  EXPECT_EQ(drawn.scalar_type(), at::kByte);
  const at::Tensor error = (drawn.to(at::kFloat) - data.pixels.to(at::kFloat)).abs();
  EXPECT_LT(error.mean().item<double>(), 6.0);
  // The picture is red at the square.
  EXPECT_GT(drawn[0].narrow(0, 1, 2).narrow(1, 1, 2).select(2, 0).min().item<int>(), 180);
  EXPECT_LT(drawn[0].narrow(0, 1, 2).narrow(1, 1, 2).select(2, 1).max().item<int>(), 80);
}

TEST(Decoder, WhatNeverMovesIsDrawnUntrained) {
  const Scene data = scene();
  Decoder decoder = make();
  const at::Tensor same = data.pixels.narrow(0, 0, 1).expand({4, kHeight, kWidth, 3});
  decoder.set_statistics(at::randn({4, 3}), same);
  EXPECT_TRUE(decoder.pictures(at::randn({4, 3})).equal(same));
}

TEST(Decoder, LatentNumbersThatDoNotVaryAreNotBlownUp) {
  const Scene data = scene();  // the last of three latent numbers is 7 throughout
  Decoder decoder = make();
  decoder.set_statistics(data.latents, data.pixels);
  const TensorMap saved = test::saved(decoder, "decoder");
  const at::Tensor scale = saved.at("decoder.latent_scale");
  EXPECT_EQ(scale[2].item<double>(), 1.0);
  EXPECT_LT(max_difference(scale.narrow(0, 0, 2), data.latents.std(0, false).narrow(0, 0, 2)),
            1e-6);
  const at::Tensor moved = data.latents + at::tensor({0.0F, 0.0F, 0.01F});
  EXPECT_LT(max_difference(decoder(moved), decoder(data.latents)), 0.01);
}

TEST(Decoder, ComesBackFromItsFile) {
  const TemporaryFolder folder;
  const Scene data = scene();
  Decoder decoder = make(1), other = make(2);
  decoder.set_statistics(data.latents, data.pixels);
  decoder.save_file(folder / "decoder.safetensors", 1200);
  EXPECT_GT(max_difference(decoder(data.latents), other(data.latents)), 1e-3);
  EXPECT_EQ(other.load_file(folder / "decoder.safetensors"), 1200);
  EXPECT_TRUE(decoder(data.latents).equal(other(data.latents)));
}

TEST(Decoder, NamesWhatDoesNotFit) {
  const TemporaryFolder folder;
  const std::string file = folder / "decoder.safetensors";
  make().save_file(file, 3);
  Decoder larger = make(1, 5);
  EXPECT_THAT(
      input_error([&] { larger.load_file(file); }),
      AllOf(HasSubstr(file), HasSubstr("decoder.hidden.weight"), HasSubstr("decoder.latent_mean")));
  Decoder same = make();
  const TensorMap tensors = test::saved(same, "decoder");
  save_safetensors(file, tensors.entries(), {{"model_step", "many"}});
  EXPECT_THAT(input_error([&] { same.load_file(file); }),
              AllOf(HasSubstr(file), HasSubstr("model_step 'many'")));
  save_safetensors(file, {});
  EXPECT_THAT(input_error([&] { same.load_file(file); }), HasSubstr("decoder.cells.bias"));

  Rng rng(1);
  EXPECT_THAT(input_error([&] {
                Decoder(4, {84, 84, 3}, rng, at::kCPU);
              }),
              AllOf(HasSubstr("84"), HasSubstr("sides that 16 divides")));
  EXPECT_THAT(input_error([&] {
                same.loss(at::zeros({1, 3}), at::zeros({1, 32, 32, 3}));
              }),
              HasSubstr("pictures of [32, 32, 3], expected [16, 32, 3]"));
}

}  // namespace
}  // namespace reverie
