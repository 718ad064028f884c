#include "drawing/canvas.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <numbers>

#include "core/error.h"

namespace reverie {
namespace {

constexpr double kPi = std::numbers::pi;
constexpr double kFar = 1e9;        // [px] Coverage's bound
constexpr double kArcError = 0.02;  // [px] greatest distance of an arc from its chords
constexpr int kMaxArcSteps = 4096;  // of a full circle

size_t checked_bytes(int width, int height) {
  REVERIE_CHECK(
      width >= 1 && height >= 1 && width <= Canvas::kMaxSide && height <= Canvas::kMaxSide,
      "canvas: a side is 1 to {} pixels, got {} x {}", Canvas::kMaxSide, width, height);
  return static_cast<size_t>(width) * static_cast<size_t>(height) * 3;
}

bool is_finite(Point p) { return std::isfinite(p.x) && std::isfinite(p.y); }

// The unit vector from a towards b. The points must differ.
Point direction(Point a, Point b) {
  const double length = std::hypot(b.x - a.x, b.y - a.y);
  return {(b.x - a.x) / length, (b.y - a.y) / length};
}

// Blends pixels of one colour: dst += (src - dst) * alpha, alpha in 1 / 256, rounded.
class Brush {
 public:
  explicit Brush(Color color) : alpha_((color.a * (1 << kAlphaBits) + 127) / 255) {
    for (size_t i = 0; i < kBytes; i += 3) {
      pattern_[i] = color.r;
      pattern_[i + 1] = color.g;
      pattern_[i + 2] = color.b;
    }
    for (size_t part = 0; part < 3; ++part) source_[part] = widen(pattern_.data() + 8 * part);
  }

  // dst: the first of n pixels with the same coverage in [0, Coverage::kOne].
  void run(uint8_t* dst, int n, int coverage) const {
    if (alpha_of(coverage) == kOpaque) {
      for (; n >= Coverage::kChunk; n -= Coverage::kChunk, dst += kBytes) {
        std::memcpy(dst, pattern_.data(), kBytes);
      }
      std::memcpy(dst, pattern_.data(), static_cast<size_t>(n) * 3);
      return;
    }
    const Coverage::Chunk same = Coverage::Chunk{} + coverage;
    for (; n > 0; n -= Coverage::kChunk, dst += kBytes)
      chunk(dst, std::min(n, Coverage::kChunk), same);
  }

  // Likewise for n <= kChunk pixels with a coverage each. Bytes beyond them are not touched.
  void chunk(uint8_t* dst, int n, const Coverage::Chunk& coverage) const {
    if (n == Coverage::kChunk) return whole_chunk(dst, coverage);
    std::array<uint8_t, kBytes> copy = {};
    std::memcpy(copy.data(), dst, static_cast<size_t>(n) * 3);
    whole_chunk(copy.data(), coverage);
    std::memcpy(dst, copy.data(), static_cast<size_t>(n) * 3);
  }

 private:
  static constexpr size_t kBytes = 3 * Coverage::kChunk;
  static constexpr int kAlphaBits = 16;
  static constexpr int kOpaque = 256;
  using Bytes = uint8_t __attribute__((vector_size(8)));
  using Words = uint16_t __attribute__((vector_size(16)));

  // coverage: int or Chunk; [0, 256].
  template <typename T>
  T alpha_of(const T& coverage) const {
    constexpr int kShift = Coverage::kOneBits + kAlphaBits - 8;
    return (coverage * alpha_ + (1 << (kShift - 1))) >> kShift;
  }

  void whole_chunk(uint8_t* dst, const Coverage::Chunk& coverage) const {
    const Words a = __builtin_convertvector(alpha_of(coverage), Words);
    blend(dst, 0, __builtin_shufflevector(a, a, 0, 0, 0, 1, 1, 1, 2, 2));
    blend(dst, 1, __builtin_shufflevector(a, a, 2, 3, 3, 3, 4, 4, 4, 5));
    blend(dst, 2, __builtin_shufflevector(a, a, 5, 5, 6, 6, 6, 7, 7, 7));
  }

  // Blends eight bytes from dst[8 part] on. The sum fits into 16 bits although the product may
  // wrap.
  void blend(uint8_t* dst, size_t part, const Words& alpha) const {
    const Words d = widen(dst + 8 * part);
    const Words sum = ((source_[part] - d) * alpha + (d << 8) + 128) >> 8;
    const Bytes bytes = __builtin_convertvector(sum, Bytes);
    std::memcpy(dst + 8 * part, &bytes, sizeof bytes);
  }

  // Widens eight bytes to words. Interleaving with zeros is one instruction, converting halves is
  // four.
  static Words widen(const uint8_t* bytes) {
    using Bytes16 = uint8_t __attribute__((vector_size(16)));
    static_assert(std::endian::native == std::endian::little);
    constexpr Bytes16 kZero = {};
    Bytes16 low = {};
    std::memcpy(&low, bytes, 8);
    return std::bit_cast<Words>(__builtin_shufflevector(low, kZero, 0, 16, 1, 17, 2, 18, 3, 19, 4,
                                                        20, 5, 21, 6, 22, 7, 23));
  }

  int32_t alpha_;  // at full coverage, in 1 / 2^kAlphaBits
  std::array<uint8_t, kBytes> pattern_;
  std::array<Words, 3> source_;  // pattern_ widened
};

}  // namespace

Transform operator*(const Transform& a, const Transform& b) {
  return {a.xx * b.xx + a.xy * b.yx, a.xx * b.xy + a.xy * b.yy, a.xx * b.dx + a.xy * b.dy + a.dx,
          a.yx * b.xx + a.yy * b.yx, a.yx * b.xy + a.yy * b.yy, a.yx * b.dx + a.yy * b.dy + a.dy};
}

Transform Transform::translate(double dx, double dy) { return {1.0, 0.0, dx, 0.0, 1.0, dy}; }

Transform Transform::scale(double sx, double sy) { return {sx, 0.0, 0.0, 0.0, sy, 0.0}; }

Transform Transform::rotate(double angle) {
  const double c = std::cos(angle);
  const double s = std::sin(angle);
  return {c, -s, 0.0, s, c, 0.0};
}

Transform camera(Point centre, double scale, int width, int height, double angle) {
  return Transform::translate(0.5 * width, 0.5 * height) * Transform::scale(scale, -scale) *
         Transform::rotate(angle) * Transform::translate(-centre.x, -centre.y);
}

Canvas::Canvas(int width, int height)
    : width_(width),
      height_(height),
      own_(checked_bytes(width, height)),
      pixels_(own_),
      coverage_(width, height) {}

Canvas::Canvas(int width, int height, std::span<uint8_t> pixels)
    : width_(width), height_(height), coverage_((checked_bytes(width, height), width), height) {
  set_pixels(pixels);
}

void Canvas::set_pixels(std::span<uint8_t> pixels) {
  const size_t bytes = checked_bytes(width_, height_);
  REVERIE_CHECK(pixels.size() == bytes, "canvas: {} x {} x 3 pixels are {} bytes, got {}", height_,
                width_, bytes, pixels.size());
  own_ = {};
  pixels_ = pixels;
}

void Canvas::clear(Color color) {
  const size_t row = static_cast<size_t>(width_) * 3;
  Brush(color.with_alpha(255)).run(pixels_.data(), width_, Coverage::kOne);
  for (size_t at = row; at < pixels_.size(); at += row) {
    std::memcpy(pixels_.data() + at, pixels_.data(), row);
  }
}

// sign: 1 adds the inside of the outline, -1 takes it away; its direction does not matter.
void Canvas::add_loop(std::span<const Point> points, double sign) {
  if (points.size() < 3) return;
  device_.clear();
  Point low = {kFar, kFar};
  Point high = {-kFar, -kFar};
  for (const Point point : points) {
    const Point p = transform_(point);
    if (!is_finite(p)) return;
    const Point q = {std::clamp(p.x, -kFar, kFar), std::clamp(p.y, -kFar, kFar)};
    low = {std::min(low.x, q.x), std::min(low.y, q.y)};
    high = {std::max(high.x, q.x), std::max(high.y, q.y)};
    device_.push_back(q);
  }
  if (high.x <= 0.0 || high.y <= 0.0 || low.x >= width_ || low.y >= height_) return;

  double area = 0.0;
  const Point origin = device_.front();
  for (size_t i = 2; i < device_.size(); ++i) {
    const Point a = device_[i - 1];
    const Point b = device_[i];
    area += (a.x - origin.x) * (b.y - origin.y) - (b.x - origin.x) * (a.y - origin.y);
  }
  const bool reverse = area * sign < 0.0;
  const Coverage::Rule rule = antialias_ ? Coverage::Rule::kArea : Coverage::Rule::kCenter;
  Point previous = device_.back();
  for (const Point point : device_) {
    if (reverse) {
      coverage_.add_edge(point, previous, rule);
    } else {
      coverage_.add_edge(previous, point, rule);
    }
    previous = point;
  }
}

void Canvas::fill_path(Color color) {
  const Brush brush(color);
  const auto at = [&](int y, int x) {
    return pixels_.data() + 3 * (static_cast<ptrdiff_t>(y) * width_ + x);
  };
  coverage_.sweep(
      [&](int y, int x, int n, int coverage) { brush.run(at(y, x), n, coverage); },
      [&](int y, int x, int n, const Coverage::Chunk& c) { brush.chunk(at(y, x), n, c); });
}

void Canvas::fill_polygon(std::span<const Point> points, Color color) {
  add_loop(points, 1.0);
  fill_path(color);
}

void Canvas::fill_rect(double x, double y, double width, double height, Color color) {
  const std::array<Point, 4> corners = {
      {{x, y}, {x + width, y}, {x + width, y + height}, {x, y + height}}};
  fill_polygon(corners, color);
}

void Canvas::fill_rounded_rect(double x, double y, double width, double height, double radius,
                               Color color) {
  if (std::isnan(radius)) return;
  const double x0 = std::min(x, x + width), x1 = std::max(x, x + width);
  const double y0 = std::min(y, y + height), y1 = std::max(y, y + height);
  const double r = std::min({radius, 0.5 * (x1 - x0), 0.5 * (y1 - y0)});
  if (!(r > 0.0)) return fill_rect(x, y, width, height, color);
  outline_.clear();
  append_arc({x0 + r, y0 + r}, {-r, 0.0}, 0.5 * kPi);
  append_arc({x1 - r, y0 + r}, {0.0, -r}, 0.5 * kPi);
  append_arc({x1 - r, y1 - r}, {r, 0.0}, 0.5 * kPi);
  append_arc({x0 + r, y1 - r}, {0.0, r}, 0.5 * kPi);
  fill_polygon(outline_, color);
}

void Canvas::fill_circle(Point center, double radius, Color color) {
  add_circle(center, radius, 1.0);
  fill_path(color);
}

void Canvas::stroke_circle(Point center, double radius, double width, Color color) {
  if (!(width > 0.0) || !std::isfinite(radius + width)) return;
  add_circle(center, radius + 0.5 * width, 1.0);
  add_circle(center, radius - 0.5 * width, -1.0);
  fill_path(color);
}

void Canvas::stroke_line(Point from, Point to, double width, Color color, Cap cap) {
  const std::array<Point, 2> points = {from, to};
  stroke_polyline(points, width, color, cap);
}

void Canvas::stroke_polyline(std::span<const Point> points, double width, Color color, Cap cap,
                             bool closed) {
  if (!(width > 0.0) || !std::ranges::all_of(points, is_finite)) return;
  corners_.clear();
  for (const Point point : points) {
    if (corners_.empty() || corners_.back() != point) corners_.push_back(point);
  }
  if (closed && corners_.size() > 1 && corners_.front() == corners_.back()) corners_.pop_back();
  const double half = 0.5 * width;
  const size_t n = corners_.size();
  if (n == 1 && cap == Cap::kRound) add_circle(corners_[0], half, 1.0);
  closed = closed && n > 2;

  // Rectangles, and sectors on the outer side of each corner: they share edges, or overlap inside.
  const size_t segments = n < 2 ? 0 : closed ? n : n - 1;
  for (size_t i = 0; i < segments; ++i) {
    const Point from = corners_[i];
    const Point to = corners_[(i + 1) % n];
    const Point along = direction(from, to);
    const Point side = {-along.y * half, along.x * half};  // from the line to its border
    const std::array<Point, 4> rectangle = {{{from.x + side.x, from.y + side.y},
                                             {to.x + side.x, to.y + side.y},
                                             {to.x - side.x, to.y - side.y},
                                             {from.x - side.x, from.y - side.y}}};
    add_loop(rectangle, 1.0);
    if (i > 0 || closed) {
      const Point before = direction(corners_[(i + n - 1) % n], from);
      const double turn = std::atan2(before.x * along.y - before.y * along.x,
                                     before.x * along.x + before.y * along.y);
      const double outer = turn > 0.0 ? half : -half;
      add_sector(from, {before.y * outer, -before.x * outer}, turn);
    }
    if (cap == Cap::kRound && !closed) {
      if (i == 0) add_sector(from, side, kPi);
      if (i + 1 == segments) add_sector(to, {-side.x, -side.y}, kPi);
    }
  }
  fill_path(color);
}

// A full circle as a polygon of the same area.
void Canvas::add_circle(Point center, double radius, double sign) {
  if (!(radius > 0.0)) return;
  const double step = 2.0 * kPi / arc_steps(radius, 2.0 * kPi);
  outline_.clear();
  append_arc(center, {radius * std::sqrt(step / std::sin(step)), 0.0}, 2.0 * kPi);
  add_loop(outline_, sign);
}

// The sector between center + start and that vector turned by angle [rad] about the center.
void Canvas::add_sector(Point center, Point start, double angle) {
  outline_.clear();
  outline_.push_back(center);
  append_arc(center, start, angle);
  add_loop(outline_, 1.0);
}

// Appends the points of an arc to outline_, both ends included.
void Canvas::append_arc(Point center, Point start, double angle) {
  const int steps = arc_steps(std::hypot(start.x, start.y), angle);
  const double c = std::cos(angle / steps);
  const double s = std::sin(angle / steps);
  Point arm = start;
  for (int i = 0; i <= steps; ++i) {
    outline_.push_back({center.x + arm.x, center.y + arm.y});
    arm = {c * arm.x - s * arm.y, s * arm.x + c * arm.y};
  }
}

// The number of chords that make an arc of this world radius look round on the picture.
int Canvas::arc_steps(double radius, double angle) const {
  const double scale =
      std::max(std::hypot(transform_.xx, transform_.yx), std::hypot(transform_.xy, transform_.yy));
  // The sagitta of a chord over the angle t is r (1 - cos(t / 2)), about r t^2 / 8.
  const double step = std::sqrt(8.0 * kArcError / (radius * scale));
  const double full = std::clamp(2.0 * kPi / step, 8.0, static_cast<double>(kMaxArcSteps));
  const double steps = std::ceil(full * std::abs(angle) / (2.0 * kPi));
  return std::isfinite(steps) ? std::max(static_cast<int>(steps), 1) : 1;
}

// Blends a letter: mask [height, width] holds coverage in 1/255, (x, y) is its top left pixel.
void Canvas::draw_mask(int x, int y, const uint8_t* mask, int width, int height, Color color) {
  const Brush brush(color);
  const int first = std::max(-x, 0);
  const int end = std::min(width, width_ - x);
  for (int row = std::max(-y, 0); row < std::min(height, height_ - y); ++row) {
    const uint8_t* coverage = mask + static_cast<ptrdiff_t>(row) * width;
    uint8_t* pixels = pixels_.data() + 3 * static_cast<ptrdiff_t>(y + row) * width_;
    for (int column = first; column < end; ++column) {
      if (coverage[column] == 0) continue;
      brush.run(pixels + 3 * static_cast<ptrdiff_t>(x + column), 1,
                (coverage[column] * Coverage::kOne + 127) / 255);
    }
  }
}

void Canvas::draw_image(int x, int y, ImageView image) {
  const int first = std::max(-x, 0);
  const int end = std::min(image.width, width_ - x);
  if (first >= end) return;
  for (int row = std::max(-y, 0); row < std::min(image.height, height_ - y); ++row) {
    const uint8_t* from = image.rgb + 3 * (static_cast<ptrdiff_t>(row) * image.width + first);
    uint8_t* to = pixels_.data() + 3 * (static_cast<ptrdiff_t>(y + row) * width_ + x + first);
    std::memcpy(to, from, 3 * static_cast<size_t>(end - first));
  }
}

}  // namespace reverie
