#include "envs/wrappers/pixel_observation.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/random.h"
#include "drawing/canvas.h"
#include "tests/envs/episode_fixture.h"

namespace reverie {
namespace {

using testing::Each;
using testing::ElementsAre;

std::vector<uint8_t> random_picture(ImageSize size, uint64_t seed) {
  Rng rng(seed);
  std::vector<uint8_t> pixels(3 * static_cast<size_t>(size.width * size.height));
  for (uint8_t& value : pixels) value = static_cast<uint8_t>(rng.integers(0, 256));
  return pixels;
}

std::vector<uint8_t> resized(const std::vector<uint8_t>& pixels, ImageSize from, ImageSize to) {
  std::vector<uint8_t> out(3 * static_cast<size_t>(to.width * to.height));
  PictureResizer(from, to).resize(PictureView(pixels, from), out);
  return out;
}

// The share of old pixel `old` in new pixel `i` by definition, in doubles.
double share(int from, int to, int i, int old) {
  const double scale = static_cast<double>(from) / to;
  if (to <= from) {
    const double low = std::max(i * scale, static_cast<double>(old));
    const double high = std::min((i + 1) * scale, old + 1.0);
    return std::max(0.0, high - low) / scale;
  }
  const double centre = std::clamp((i + 0.5) * scale - 0.5, 0.0, from - 1.0);
  return std::max(0.0, 1.0 - std::abs(centre - old));
}

TEST(PictureResizer, AgreesWithItsDefinition) {
  for (const auto& [from, to] :
       std::initializer_list<std::pair<ImageSize, ImageSize>>{{{12, 9}, {5, 4}},
                                                              {{5, 4}, {12, 9}},
                                                              {{7, 7}, {14, 3}},
                                                              {{8, 8}, {8, 8}},
                                                              {{1, 1}, {3, 2}},
                                                              {{96, 96}, {64, 64}},
                                                              {{3, 40}, {40, 3}}}) {
    const std::vector<uint8_t> pixels = random_picture(from, 1);
    const std::vector<uint8_t> out = resized(pixels, from, to);
    for (int y = 0; y < to.height; ++y) {
      for (int x = 0; x < to.width; ++x) {
        for (int c = 0; c < 3; ++c) {
          double sum = 0.0;
          for (int v = 0; v < from.height; ++v) {
            const double row = share(from.height, to.height, y, v);
            if (row == 0.0) continue;
            for (int u = 0; u < from.width; ++u) {
              sum += row * share(from.width, to.width, x, u) *
                     pixels[static_cast<size_t>((v * from.width + u) * 3 + c)];
            }
          }
          const double found = out[static_cast<size_t>((y * to.width + x) * 3 + c)];
          ASSERT_LE(std::abs(found - sum), 0.5 + 1e-9)
              << to_string(from) << " to " << to_string(to) << " at " << x << ", " << y;
        }
      }
    }
  }
}

TEST(PictureResizer, MeansAreExactAndRoundHalfUp) {
  EXPECT_THAT(resized({0, 10, 255, 1, 10, 254}, {2, 1}, {1, 1}), ElementsAre(1, 10, 255));
  EXPECT_THAT(resized({0, 0, 0, 255, 255, 255}, {2, 1}, {4, 1}),
              ElementsAre(0, 0, 0, 64, 64, 64, 191, 191, 191, 255, 255, 255));
  const ImageSize large{8192, 3};
  const std::vector<uint8_t> white(3 * 8192 * 3, 255);
  EXPECT_THAT(resized(white, large, {8191, 2}), Each(255));
  EXPECT_THAT(resized(white, large, {1, 1}), Each(255));
}

TEST(GreyPicture, IsTheLumaOfItuR601) {
  const std::vector<uint8_t> rgb = {255, 0,   0,   0, 255, 0, 0, 0, 255,
                                    255, 255, 255, 1, 1,   1, 0, 0, 0};
  std::vector<uint8_t> grey(6);
  grey_picture(PictureView(rgb, {6, 1}), grey);
  EXPECT_THAT(grey, ElementsAre(76, 150, 29, 255, 1, 0));  // 76.245, 149.685, 29.07
}

using Options = TestEnv::Options;

std::vector<uint8_t> pixels_of(const Options& options) {
  TestEnv env("maze2d-umaze", options);
  env.reset(5);
  return env.observed<uint8_t>("pixels");
}

std::vector<uint8_t> drawn(ImageSize size) {
  TestEnv env("maze2d-umaze");
  env.reset(5);
  Canvas canvas(size.width, size.height);
  env->draw(canvas, View::kObservation);
  return {canvas.pixels().begin(), canvas.pixels().end()};
}

TEST(PixelObservation, IsWhatTheEnvironmentDraws) {
  EXPECT_EQ(pixels_of({{"observation", "pixels"}}), drawn({64, 64}));
  EXPECT_EQ(pixels_of({{"observation", "both"}, {"image_size", "40x30"}}), drawn({40, 30}));
  EXPECT_EQ(pixels_of({{"observation", "pixels"}, {"image_size", "1x1"}}), drawn({1, 1}));
}

TEST(PixelObservation, FieldsStandBesideOrGoAway) {
  TestEnv both("pointmaze-umaze", {{"observation", "both"}, {"image_size", "40x30"}});
  std::vector<std::string> names;
  for (const Field& field : both->spec().observation) names.push_back(field.name);
  EXPECT_THAT(names, ElementsAre("observation", "achieved_goal", "desired_goal", "pixels"));
  const Field& pixels = both->spec().field("pixels");
  EXPECT_THAT(pixels.shape, ElementsAre(30, 40, 3));
  EXPECT_EQ(pixels.dtype, DType::kUInt8);
  TestEnv alone("pointmaze-umaze", {{"observation", "pixels"}, {"grey", "true"}});
  ASSERT_EQ(alone->spec().observation.size(), 1U);
  EXPECT_THAT(alone->spec().field("pixels").shape, ElementsAre(64, 64, 1));
  TestEnv plain("pointmaze-umaze");
  both.reset(3);
  plain.reset(3);
  Rng one(1);
  Rng two(1);
  for (int t = 0; t < 5; ++t) {
    both.step_random(one);
    plain.step_random(two);
    EXPECT_EQ(both.observed("observation"), plain.observed("observation"));
    EXPECT_EQ(both.observed("desired_goal"), plain.observed("desired_goal"));
  }
}

TEST(PixelObservation, CropsThenResizesThenGreys) {
  const ImageSize whole{40, 30};
  const std::vector<uint8_t> picture = drawn(whole);
  std::vector<uint8_t> part;
  for (int y = 4; y < 4 + 20; ++y) {
    const auto row = picture.begin() + (y * 40 + 6) * 3;
    part.insert(part.end(), row, row + std::ptrdiff_t{24 * 3});
  }
  const Options crop = {{"observation", "pixels"}, {"image_size", "40x30"}, {"crop", "24x20+6+4"}};
  const auto with = [&](const Options& more) {
    Options all = crop;
    all.insert(all.end(), more.begin(), more.end());
    return pixels_of(all);
  };
  EXPECT_EQ(with({}), part);
  const std::vector<uint8_t> small = resized(part, {24, 20}, {9, 7});
  EXPECT_EQ(with({{"resize", "9x7"}}), small);
  EXPECT_EQ(with({{"resize", "24x20"}}), part);
  std::vector<uint8_t> grey(9 * 7);
  grey_picture(PictureView(small, {9, 7}), grey);
  EXPECT_EQ(with({{"resize", "9x7"}, {"grey", "true"}}), grey);
  grey.resize(24 * 20);
  grey_picture(PictureView(part, {24, 20}), grey);
  EXPECT_EQ(with({{"grey", "true"}}), grey);
}

// rollout sets a recorded state part by part and asks for the wrapped observation of it.
TEST(PixelObservation, PhysicsObservesTheWrappedFields) {
  TestEnv env("pointmaze-umaze", {{"observation", "pixels"}, {"image_size", "24x24"}});
  TestEnv plain("pointmaze-umaze");
  env.reset(1);
  plain.reset(1);
  const std::vector<uint8_t> before = env.observed<uint8_t>("pixels");
  for (TestEnv* each : {&env, &plain}) {
    each->set_physics("qpos", {-1.0, -1.0});
    (*each)->physics()->observe(each->views());
  }
  Canvas canvas(24, 24);
  plain->draw(canvas, View::kObservation);
  EXPECT_TRUE(std::ranges::equal(env.observed<uint8_t>("pixels"), canvas.pixels()));
  EXPECT_NE(env.observed<uint8_t>("pixels"), before);
}

// Environments of more sizes than a thread keeps canvases for, in turn.
TEST(PixelObservation, ManySizesOnOneThread) {
  for (int round = 0; round < 2; ++round) {
    for (int side = 10; side < 22; ++side) {
      const std::string size = fmt::format("{0}x{0}", side);
      ASSERT_EQ(pixels_of({{"observation", "pixels"}, {"image_size", size}}), drawn({side, side}));
    }
  }
}

}  // namespace
}  // namespace reverie
