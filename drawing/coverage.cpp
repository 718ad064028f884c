#include "drawing/coverage.h"

#include <cmath>
#include <utility>

namespace reverie {
namespace {

// Edges flatter than this add less than a millionth of a pixel per row, and their slope could
// overflow.
constexpr double kFlat = 1e-9;

// Fixed point: y and areas have kOneBits binary digits, x and slopes 32, places within a pixel 16.
constexpr int kXBits = 32;
constexpr double kXOne = 0x1p32;
constexpr double kMaxSlope = 0x1p14;  // above the greatest width
constexpr int kInBits = 16;
constexpr int64_t kInOne = int64_t{1} << kInBits;
constexpr int kHeightShift = kXBits + kInBits - Coverage::kOneBits;

int64_t fixed_x(double x) { return static_cast<int64_t>(x * kXOne); }

}  // namespace

Coverage::Coverage(int width, int height)
    : width_(width),
      height_(height),
      stride_((static_cast<size_t>(width) + 3 + kChunk - 1) / kChunk * kChunk),
      words_((stride_ / kChunk + 63) / 64),
      first_row_(height),
      cells_(stride_ * static_cast<size_t>(height)),
      mask_(words_ * static_cast<size_t>(height)) {}

void Coverage::add_edge(Point from, Point to, Rule rule) {
  // From here on the edge runs downwards, so that its reverse has the same rounding errors.
  const int32_t sign = from.y < to.y ? 1 : -1;
  if (sign < 0) std::swap(from, to);
  const double width = width_;
  const double height = height_;
  if (to.y - from.y < kFlat || to.y <= 0.0 || from.y >= height) return;
  if (from.x >= width && to.x >= width) return;  // only pixels to the right of an edge see it

  const double slope = (to.x - from.x) / (to.y - from.y);
  double x0 = from.x, y0 = from.y, x1 = to.x, y1 = to.y;
  if (y0 < 0.0) {
    x0 -= slope * y0;
    y0 = 0.0;
  }
  if (y1 > height) {
    x1 = from.x + slope * (height - from.y);
    y1 = height;
  }
  const auto add = [&](double xa, double ya, double xb, double yb, double piece_slope) {
    if (rule == Rule::kArea) {
      add_areas(xa, ya, xb, yb, piece_slope, sign);
    } else {
      add_centers(xa, ya, yb, piece_slope, sign);
    }
  };
  if (std::min(x0, x1) >= 0.0 && std::max(x0, x1) <= width) return add(x0, y0, x1, y1, slope);

  // Left of the grid only the height of an edge matters, so it is moved to x = 0. Right of the grid
  // it is cut.
  const auto y_at = [&](double x) {
    if (slope == 0.0) return x0 < x ? y1 : y0;
    return std::clamp(y0 + (x - x0) / slope, y0, y1);
  };
  const double y_left = y_at(0.0);
  const double y_right = y_at(width);
  const double top = x0 < 0.0 ? y_left : x0 > width ? y_right : y0;
  const double bottom = x1 < 0.0 ? y_left : x1 > width ? y_right : y1;
  if (x0 < 0.0) add(0.0, y0, 0.0, y_left, 0.0);
  if (top < bottom) {
    add(std::clamp(x0, 0.0, width), top, std::clamp(x1, 0.0, width), bottom, slope);
  }
  if (x1 < 0.0) add(0.0, y_left, 0.0, y1, 0.0);
}

void Coverage::touch_rows(int first, int last) {
  first_row_ = std::min(first_row_, first);
  end_row_ = std::max(end_row_, last + 1);
}

// The edge lies in [0, width] x [0, height] and runs downwards.
void Coverage::add_areas(double x0, double y0, double x1, double y1, double slope, int32_t sign) {
  const auto top = static_cast<int>(std::lrint(y0 * kOne));
  const auto bottom = static_cast<int>(std::lrint(y1 * kOne));
  if (top >= bottom) return;
  const int first = top >> kOneBits;
  const int last = (bottom - 1) >> kOneBits;
  touch_rows(first, last);

  const double run = std::abs(slope);
  // An edge that leaves its row has a slope below kMaxSlope; an edge within one row needs no step.
  const int64_t step = fixed_x(std::clamp(slope, -kMaxSlope, kMaxSlope));
  // The height of the edge over one pixel of x. Where it is clamped, the edge lies in one pixel
  // except for 2^-12 of it.
  const auto rise = static_cast<int64_t>(kXOne / std::max(run, 0x1p-12));
  int32_t* cells = cells_.data() + static_cast<size_t>(first) * stride_;
  uint64_t* mask = mask_.data() + static_cast<size_t>(first) * words_;
  const int64_t x_end = fixed_x(x1);

  // Calls cross(left, right, d) for each row: the edge is d high there and between left and right.
  const auto for_rows = [&](auto&& cross) {
    int64_t x = fixed_x(x0);
    int y = top;
    for (int row = first; row <= last; ++row, cells += stride_, mask += words_) {
      const int y_next = std::min((row + 1) << kOneBits, bottom);
      const int d = y_next - y;
      const int64_t moved = std::max<int64_t>(x + ((step * d) >> kOneBits), 0);
      const int64_t x_next = row == last ? x_end : moved;
      cross(std::min(x, x_next), std::max(x, x_next), d);
      x = x_next;
      y = y_next;
    }
  };

  if (run <= 1.0) {
    // It touches the pixels i and i + 1, or only i: without a branch, which would be unpredictable.
    // `under` is the area left of the edge, of which `over` is already in i + 1.
    for_rows([&](int64_t left, int64_t right, int64_t d) {
      const int64_t i = left >> kXBits;
      const int64_t enter = (left >> (kXBits - kInBits)) - (i << kInBits);
      const int64_t leave = (right >> (kXBits - kInBits)) - (i << kInBits);
      const int64_t beyond = std::max<int64_t>(leave - kInOne, 0);
      const int64_t height = std::min((beyond * rise) >> kHeightShift, d);
      const auto over = static_cast<int32_t>((beyond * height) >> (kInBits + 1));
      const auto under = static_cast<int32_t>((d * (enter + leave)) >> (kInBits + 1));
      cells[i] += sign * (static_cast<int32_t>(d) - under + over);
      cells[i + 1] += sign * (under - 2 * over);
      cells[i + 2] += sign * over;
      mark(mask, i);
      mark(mask, i + 2);
    });
    return;
  }
  for_rows([&](int64_t left, int64_t right, int64_t d) {
    const int64_t i0 = left >> kXBits;
    const int64_t i1 = right >> kXBits;
    const int64_t enter = (left >> (kXBits - kInBits)) - (i0 << kInBits);
    const int64_t leave = (right >> (kXBits - kInBits)) - (i1 << kInBits);
    // The running sum at a pixel is the area to the right of the edge in it.
    int32_t sum = 0;
    const auto add = [&](int64_t i, int64_t area) {
      cells[i] += sign * (static_cast<int32_t>(area) - sum);
      sum = static_cast<int32_t>(area);
    };
    if (i0 == i1) {
      add(i0, d - ((d * (enter + leave)) >> (kInBits + 1)));
    } else {
      const int64_t rest = kInOne - enter;
      const int64_t height = std::min((rest * rise) >> kHeightShift, d);
      add(i0, (rest * height) >> (kInBits + 1));
      int64_t covered = (rise * (rest - kInOne / 2)) >> kInBits;
      for (int64_t i = i0 + 1; i < i1; ++i) {
        covered += rise;
        add(i, covered >> (kXBits - kOneBits));
      }
      const int64_t last_height = std::min((leave * rise) >> kHeightShift, d);
      add(i1, d - ((leave * last_height) >> (kInBits + 1)));
    }
    add(i1 + 1, d);
    for (int64_t i = i0; i < i1 + 1; i += kChunk) mark(mask, i);
    mark(mask, i1 + 1);
  });
}

// Likewise for whole pixels: cell i changes where the edge passes between the centres of i - 1 and
// i.
void Coverage::add_centers(double x0, double y0, double y1, double slope, int32_t sign) {
  const int first = static_cast<int>(std::ceil(y0 - 0.5));
  const int last = static_cast<int>(std::ceil(y1 - 0.5)) - 1;
  if (first > last) return;
  touch_rows(first, last);
  int32_t* cells = cells_.data() + static_cast<size_t>(first) * stride_;
  uint64_t* mask = mask_.data() + static_cast<size_t>(first) * words_;
  // Rounded up: the smallest i with i + 0.5 >= x.
  const int64_t step = fixed_x(std::clamp(slope, -kMaxSlope, kMaxSlope));
  int64_t x = fixed_x(std::clamp(x0 + slope * (first + 0.5 - y0) + 0.5, 0.0, width_ + 0.5)) - 1;
  for (int row = first; row <= last; ++row, cells += stride_, mask += words_, x += step) {
    const int64_t i = std::clamp<int64_t>(x >> kXBits, 0, width_);
    cells[i] += sign * kOne;
    mark(mask, i);
  }
}

// Marks the chunk of a cell.
inline void Coverage::mark(uint64_t* mask, int64_t cell) {
  const auto chunk = static_cast<uint64_t>(cell) / kChunk;
  mask[chunk / 64] |= uint64_t{1} << (chunk % 64);
}

}  // namespace reverie
