#include "drawing/overlay.h"

#include <algorithm>
#include <array>

#include <gtest/gtest.h>

namespace reverie::test {
namespace {

// The first row and column from which on the canvas is black everywhere.
ImageSize painted(const Canvas& canvas) {
  ImageSize size;
  for (int y = 0; y < canvas.height(); ++y) {
    for (int x = 0; x < canvas.width(); ++x) {
      const auto pixel = canvas.pixels().subspan(3 * (y * canvas.width() + x), 3);
      if (std::all_of(pixel.begin(), pixel.end(), [](uint8_t c) { return c == 0; })) continue;
      size = {std::max(size.width, x + 1), std::max(size.height, y + 1)};
    }
  }
  return size;
}

TEST(Overlay, FillsItsStripAndNothingElse) {
  const std::array<float, 3> actions = {-50.0F, 0.5F, 50.0F};  // beyond their bounds
  for (const ImageSize film : {ImageSize{640, 480}, {320, 240}, {400, 480}, {160, 120}}) {
    const int height = overlay_height(film);
    EXPECT_GT(height, 0);
    EXPECT_EQ(height % 2, 0) << "the sides of an .mp4 are even";
    for (const std::string& title : {std::string("maze2d-umaze   ddpg"), std::string(200, 'x')}) {
      Canvas canvas(film.width + 40, film.height);
      draw_overlay(canvas, film, {.title = title, .action = actions});
      EXPECT_EQ(painted(canvas), (ImageSize{film.width, height}));
    }
  }
}

TEST(Overlay, SmallFilmsHaveNone) {
  Canvas canvas(159, 400);
  EXPECT_EQ(overlay_height({159, 400}), 0);
  draw_overlay(canvas, {159, 400}, {.title = "a"});
  EXPECT_EQ(painted(canvas), ImageSize());
}

}  // namespace
}  // namespace reverie::test
