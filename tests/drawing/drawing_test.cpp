// What a picture shows, read back from its pixels and files.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/file.h"
#include "drawing/canvas.h"
#include "drawing/chart.h"
#include "drawing/video.h"
#include "tests/temporary_folder.h"

namespace reverie {
namespace {

using testing::Each;
using testing::ElementsAre;

std::vector<int> pixel(const Canvas& canvas, int x, int y) {
  const auto at = static_cast<size_t>(3 * (y * canvas.width() + x));
  return {canvas.pixels()[at], canvas.pixels()[at + 1], canvas.pixels()[at + 2]};
}

TEST(Canvas, TransparentColoursAreMixedWithThePicture) {
  Canvas canvas(2, 1);
  canvas.clear({100, 0, 0});
  canvas.fill_rect(0, 0, 1, 1, {200, 255, 51, 51});  // a fifth of it
  EXPECT_THAT(pixel(canvas, 0, 0), ElementsAre(testing::AllOf(testing::Ge(119), testing::Le(121)),
                                               testing::AllOf(testing::Ge(50), testing::Le(52)),
                                               testing::AllOf(testing::Ge(9), testing::Le(11))));
  EXPECT_THAT(pixel(canvas, 1, 0), ElementsAre(100, 0, 0));
}

TEST(Canvas, APictureIsCutAtTheEdges) {
  const std::vector<uint8_t> white(5 * 3 * 3, 255);
  Canvas canvas(4, 4);
  canvas.draw_image(2, 1, {white.data(), 5, 3});
  for (int y = 0; y < 4; ++y) {
    for (int x = 0; x < 4; ++x) {
      EXPECT_THAT(pixel(canvas, x, y), Each(x >= 2 && y >= 1 ? 255 : 0)) << x << ", " << y;
    }
  }
}

constexpr int kSide = 400;  // [px] of the charts

bool is_coloured(const std::vector<int>& rgb) {
  return *std::max_element(rgb.begin(), rgb.end()) - *std::min_element(rgb.begin(), rgb.end()) > 60;
}

// Rows of the first and last columns that a coloured line reaches.
std::pair<int, int> ends_of_line(const Canvas& canvas) {
  std::pair<int, int> rows{-1, -1};
  for (int x = 0; x < kSide; ++x) {
    for (int y = 0; y < kSide; ++y) {
      if (!is_coloured(pixel(canvas, x, y))) continue;
      if (rows.first < 0) rows.first = y;
      rows.second = y;
    }
  }
  return rows;
}

TEST(Chart, GreaterValuesAreHigher) {
  Chart chart("", "step");
  chart.add_line("", {{0, 1}, {10, 5}});
  Canvas canvas(kSide, kSide);
  chart.draw(canvas, {0, 0, kSide, kSide});
  const auto [first, last] = ends_of_line(canvas);
  EXPECT_GT(first, kSide / 2) << "the smaller value is in the lower half";
  EXPECT_LT(last, kSide / 2);
}

// The ends of an axis from 0 to 10 are round numbers, so they have a label each, in a corner of the
// picture where an axis from 0 to 9.9 has none.
TEST(Chart, AxesAreLabelledFromEndToEnd) {
  const auto ink = [](double end, int x_from, int y_from) {
    Chart chart("", "");
    chart.set_x_range(0, end);
    chart.set_y_range(0, end);
    Canvas canvas(kSide, kSide);
    chart.draw(canvas, {0, 0, kSide, kSide});
    int count = 0;
    for (int y = y_from; y < y_from + kSide / 6; ++y) {
      for (int x = x_from; x < x_from + kSide / 6; ++x) count += pixel(canvas, x, y)[0] < 200;
    }
    return count;
  };
  const int far = kSide - kSide / 6;
  EXPECT_GT(ink(10, far, far), ink(9.9, far, far) + 5) << "10 below the right end";
  EXPECT_GT(ink(10, 0, 0), ink(9.9, 0, 0) + 5) << "10 beside the upper end";
}

TEST(Video, AGifPlaysAtItsFrameRate) {
  const test::TemporaryFolder folder;
  const std::filesystem::path path = folder / "film.gif";
  {
    VideoWriter writer(path, 16, 16, 20.0);
    Canvas canvas(16, 16);
    for (int i = 0; i < 3; ++i) {
      canvas.clear({static_cast<uint8_t>(80 * i), 0, 0});
      writer.write(canvas.image());
    }
    writer.close();
  }
  // GIF89a: a graphic control extension, 21 F9 04, flags, the delay in hundredths of a second.
  const std::string bytes = read_file(path, 1 << 20);
  std::vector<int> delays;
  for (size_t at = bytes.find("\x21\xf9\x04"); at != std::string::npos;
       at = bytes.find("\x21\xf9\x04", at + 1)) {
    delays.push_back(static_cast<uint8_t>(bytes[at + 4]) +
                     256 * static_cast<uint8_t>(bytes[at + 5]));
  }
  EXPECT_THAT(delays, ElementsAre(5, 5, 5));
}

}  // namespace
}  // namespace reverie
