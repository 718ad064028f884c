#include "drawing/picture.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "core/error.h"
#include "drawing/canvas.h"

namespace reverie {
namespace {

// Parses whole numbers with the given separators between them; they must fill all of the text.
template <size_t N>
bool parse_numbers(std::string_view text, std::string_view separators, std::array<int, N>& out) {
  const char* at = text.data();
  const char* end = at + text.size();
  for (size_t i = 0; i < N; ++i) {
    if (i > 0 && (at == end || *at++ != separators[i - 1])) return false;
    const auto [stop, status] = std::from_chars(at, end, out[i]);
    if (status != std::errc()) return false;
    at = stop;
  }
  return at == end;
}

}  // namespace

std::string to_string(ImageSize size) { return fmt::format("{}x{}", size.width, size.height); }

ImageSize parse_image_size(std::string_view flag, std::string_view text) {
  std::array<int, 2> sides{};
  const bool right = parse_numbers(text, "x", sides);
  const auto fits = [](int side) { return side >= 1 && side <= Canvas::kMaxSide; };
  REVERIE_CHECK(right && fits(sides[0]) && fits(sides[1]),
                "{}: found '{}', expected WIDTHxHEIGHT such as 64x64, each from 1 to {}", flag,
                text, Canvas::kMaxSide);
  return {sides[0], sides[1]};
}

CropBox parse_crop(std::string_view flag, std::string_view text, ImageSize picture) {
  std::array<int, 4> numbers{};
  REVERIE_CHECK(parse_numbers(text, "x++", numbers),
                "{}: found '{}', expected WIDTHxHEIGHT+LEFT+TOP such as 84x84+6+0", flag, text);
  const auto [width, height, left, top] = numbers;
  // Written so that no sum of large numbers can overflow.
  const auto inside = [](int start, int length, int whole) {
    return start >= 0 && length >= 1 && length <= whole && start <= whole - length;
  };
  REVERIE_CHECK(inside(left, width, picture.width) && inside(top, height, picture.height),
                "{}: '{}' is not inside the picture of {} pixels (--image-size)", flag, text,
                to_string(picture));
  return {left, top, {width, height}};
}

PictureView PictureView::crop(const CropBox& box) const {
  PictureView part = *this;
  part.data += static_cast<size_t>(box.top) * stride + 3 * static_cast<size_t>(box.left);
  part.size = box.size;
  return part;
}

void copy_picture(const PictureView& from, std::span<uint8_t> out) {
  const size_t width = 3 * static_cast<size_t>(from.size.width);
  for (size_t y = 0; y < static_cast<size_t>(from.size.height); ++y) {
    std::memcpy(out.data() + y * width, from.data + y * from.stride, width);
  }
}

void grey_picture(const PictureView& from, std::span<uint8_t> out) {
  const auto width = static_cast<size_t>(from.size.width);
  for (size_t y = 0; y < static_cast<size_t>(from.size.height); ++y) {
    const uint8_t* rgb = from.data + y * from.stride;
    uint8_t* grey = out.data() + y * width;
    for (size_t x = 0; x < width; ++x, rgb += 3) {
      const uint32_t sum = 299U * rgb[0] + 587U * rgb[1] + 114U * rgb[2];
      grey[x] = static_cast<uint8_t>((sum + 500U) / 1000U);
    }
  }
}

PictureResizer::Axis::Axis(int from, int to) {
  const auto push = [&](int64_t value) {
    if (value > 0) weight.push_back(static_cast<float>(value));
  };
  for (int64_t i = 0; i < to; ++i) {
    if (to <= from) {
      // In units of 1 / to of an old pixel: new pixel i covers [i from, (i + 1) from).
      const int64_t low = i * from;
      const int64_t high = low + from;
      first.push_back(static_cast<int>(low / to));
      for (int64_t old = low / to; old * to < high; ++old) {
        push(std::min(high, (old + 1) * to) - std::max(low, old * to));
      }
    } else {
      // In units of 1 / (2 to): the centre of new pixel i, relative to that of old pixel 0.
      const int64_t unit = 2 * int64_t{to};
      const int64_t centre =
          std::clamp<int64_t>((2 * i + 1) * from - to, 0, unit * (int64_t{from} - 1));
      first.push_back(static_cast<int>(centre / unit));
      push(unit - centre % unit);
      push(centre % unit);
    }
    begin.push_back(weight.size());
  }
  total = to <= from ? from : 2.0 * to;
}

PictureResizer::PictureResizer(ImageSize from, ImageSize to)
    : from_(from), to_(to), columns_(from.width, to.width), rows_(from.height, to.height) {}

// Sums along a row are below 2^14 * 255 < 2^24, so float holds them exactly; those of both axes are
// below 2^36, so double does. A quotient below a whole number is at least 1 / (2 total) below it,
// far more than double's rounding error, so rounding half up is exact.
void PictureResizer::resize(const PictureView& from, std::span<uint8_t> out) const {
  const auto width = static_cast<size_t>(to_.width);
  // Per thread, so that N environments do not hold N of them.
  thread_local std::vector<float> narrow;    // [from.height, to.width, 3] sums along the rows
  thread_local std::vector<double> new_row;  // [to.width, 3] sums along both
  narrow.resize(3 * static_cast<size_t>(from_.height) * width);
  new_row.resize(3 * width);
  for (size_t y = 0; y < static_cast<size_t>(from_.height); ++y) {
    const uint8_t* row = from.data + y * from.stride;
    float* sums = narrow.data() + y * 3 * width;
    for (size_t x = 0; x < width; ++x, sums += 3) {
      const uint8_t* rgb = row + 3 * static_cast<size_t>(columns_.first[x]);
      float r = 0.0F;
      float g = 0.0F;
      float b = 0.0F;
      for (size_t k = columns_.begin[x]; k < columns_.begin[x + 1]; ++k, rgb += 3) {
        const float weight = columns_.weight[k];
        r += weight * rgb[0];
        g += weight * rgb[1];
        b += weight * rgb[2];
      }
      sums[0] = r;
      sums[1] = g;
      sums[2] = b;
    }
  }
  const double total = columns_.total * rows_.total;
  const double half = 0.5 * total;
  for (size_t y = 0; y < static_cast<size_t>(to_.height); ++y) {
    std::fill(new_row.begin(), new_row.end(), 0.0);
    const float* row = narrow.data() + static_cast<size_t>(rows_.first[y]) * 3 * width;
    for (size_t k = rows_.begin[y]; k < rows_.begin[y + 1]; ++k, row += 3 * width) {
      const double weight = rows_.weight[k];
      for (size_t i = 0; i < 3 * width; ++i) new_row[i] += weight * static_cast<double>(row[i]);
    }
    uint8_t* pixels = out.data() + y * 3 * width;
    for (size_t i = 0; i < 3 * width; ++i) {
      pixels[i] = static_cast<uint8_t>((new_row[i] + half) / total);
    }
  }
}

}  // namespace reverie
