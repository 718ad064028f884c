#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "drawing/coverage.h"
#include "drawing/video.h"

namespace reverie {

// 8 bits a channel, not premultiplied; a = 255 is opaque.
struct Color {
  uint8_t r = 0;
  uint8_t g = 0;
  uint8_t b = 0;
  uint8_t a = 255;
  bool operator==(const Color&) const = default;

  constexpr Color with_alpha(uint8_t alpha) const { return {r, g, b, alpha}; }
};

// An affine map of the plane from world to pixel coordinates:
//   x' = xx x + xy y + dx,   y' = yx x + yy y + dy
struct Transform {
  double xx = 1.0, xy = 0.0, dx = 0.0;
  double yx = 0.0, yy = 1.0, dy = 0.0;

  Point operator()(Point p) const { return {xx * p.x + xy * p.y + dx, yx * p.x + yy * p.y + dy}; }

  // (a * b)(p) = a(b(p))
  friend Transform operator*(const Transform& a, const Transform& b);

  static Transform translate(double dx, double dy);
  static Transform scale(double sx, double sy);  // scale(s, -s) turns y up
  static Transform rotate(double angle);         // [rad] takes the x axis towards the y axis
};

// A camera for a world whose y axis points up. The world point `centre` appears in the middle of a
// width x height picture, one world unit is `scale` pixels long, and the world turns by `angle`
// [rad] about the centre, counter-clockwise as seen in the picture.
Transform camera(Point centre, double scale, int width, int height, double angle = 0.0);

enum class Cap : uint8_t { kRound, kButt };
enum class TextAlign : uint8_t { kLeft, kCenter, kRight };
enum class Font : uint8_t { kSans, kMono };  // assets/fonts/DejaVuSans-Bold.ttf, DejaVuSansMono.ttf

// Width [px] of one line of text, from where it starts to where the next letter would.
// text is UTF-8 (a broken sequence shows as U+FFFD, control characters as spaces).
// size: height of the em square [px], 0 < size <= 512, rounded to 1/4 px. Throws Error for a size
// out of range, and when the font file is missing.
double text_width(std::string_view text, double size, Font font = Font::kSans);

// A 2-D software rasteriser: pixel observations and the frames of videos, without display or
// OpenGL.
//
// The picture is RGB, uint8 [H, W, 3], top row first. Pixel coordinates are doubles with the origin
// in the top left corner; the centre of the first pixel is (0.5, 0.5). transform() applies to
// shapes, their widths and their radii; of text, only to the anchor.
//
// Shapes are anti-aliased by their exact area in each pixel (see Coverage), non-zero rule, and
// blended over the picture: dst += (src - dst) * coverage * alpha. When two shapes that share an
// edge are drawn one after the other, 1/4 of the background shows through there, as in every such
// rasteriser. If they have one colour, draw them as one path (add_polygon, fill_path) without a
// seam. If they differ, draw their union first, or set_antialias(false), which never leaves a seam.
//
// A shape with a coordinate that is not finite, or without area, is not drawn. Coordinates further
// than 1e9 px from the origin are moved there. Time does not depend on what lies outside the
// picture. Memory is allocated only until the longest outline has been drawn; text may still fill
// its cache.
//
// Not thread-safe; different canvases may be used on different threads.
class Canvas {
 public:
  static constexpr int kMaxSide = 8192;  // [px]

  // A black picture of its own. Throws Error unless 1 <= width, height <= kMaxSide.
  Canvas(int width, int height);

  // Draws into the caller's memory, [height, width, 3], without clearing it. Throws Error for a bad
  // side or a span of another size.
  Canvas(int width, int height, std::span<uint8_t> pixels);

  Canvas(const Canvas&) = delete;
  Canvas& operator=(const Canvas&) = delete;
  Canvas(Canvas&&) = default;
  Canvas& operator=(Canvas&&) = default;

  // Draws into other memory of the same size from now on and keeps the scratch buffers. Throws
  // Error for a span of another size.
  void set_pixels(std::span<uint8_t> pixels);

  int width() const { return width_; }
  int height() const { return height_; }
  std::span<const uint8_t> pixels() const { return pixels_; }  // [H, W, 3]
  ImageView image() const { return {pixels_.data(), width_, height_}; }

  const Transform& transform() const { return transform_; }
  void set_transform(const Transform& transform) { transform_ = transform; }

  // false: a pixel belongs to a shape when its centre does (a centre on an edge belongs to the
  // shape to the right of it or below it), about twice as fast. Text is always smooth.
  void set_antialias(bool antialias) { antialias_ = antialias; }

  // Sets every pixel; alpha and transform are ignored.
  void clear(Color color);

  // A closed outline of 3 or more points in either direction; it may be concave.
  void fill_polygon(std::span<const Point> points, Color color);

  // Collects outlines and fills their union as one shape. Each outline is simple (does not cross
  // itself) and may have either direction. Overlaps are painted once.
  void add_polygon(std::span<const Point> points) { add_loop(points, 1.0); }
  void fill_path(Color color);

  // The rectangle from (x, y) to (x + width, y + height).
  void fill_rect(double x, double y, double width, double height, Color color);

  // Likewise with quarter circles as corners; radius is limited to half the shorter side.
  void fill_rounded_rect(double x, double y, double width, double height, double radius,
                         Color color);

  void fill_circle(Point center, double radius, Color color);

  // The ring between radius - width / 2 and radius + width / 2.
  void stroke_circle(Point center, double radius, double width, Color color);

  // A line of the given width. Round caps reach width / 2 beyond the ends, butt caps do not.
  void stroke_line(Point from, Point to, double width, Color color, Cap cap = Cap::kRound);

  // All points within `radius` of the segment.
  void fill_capsule(Point from, Point to, double radius, Color color) {
    stroke_line(from, to, 2.0 * radius, color, Cap::kRound);
  }

  // Lines from point to point with round joins. Overlaps are painted once. closed: also from the
  // last point to the first.
  void stroke_polyline(std::span<const Point> points, double width, Color color,
                       Cap cap = Cap::kRound, bool closed = false);

  // One line of text; (x, y) is the start, middle or end of its baseline. Returns its width [px].
  // See text_width() for text, size and what it throws.
  double text(double x, double y, std::string_view text, double size, Color color,
              TextAlign align = TextAlign::kLeft, Font font = Font::kSans);

  // Blends the colour over a rectangle whose first pixel is (x, y), weighted by the mask. mask:
  // [height, width], 255 is full weight. Parts outside the picture are left out.
  void draw_mask(int x, int y, const uint8_t* mask, int width, int height, Color color);

  // Copies a picture; its first pixel goes to (x, y). Parts outside are left out.
  void draw_image(int x, int y, ImageView image);

 private:
  void add_loop(std::span<const Point> points, double sign);
  void add_circle(Point center, double radius, double sign);
  void add_sector(Point center, Point start, double angle);
  void append_arc(Point center, Point start, double angle);
  int arc_steps(double radius, double angle) const;

  int width_;
  int height_;
  std::vector<uint8_t> own_;   // empty when the caller's memory is used
  std::span<uint8_t> pixels_;  // [H, W, 3]
  Transform transform_;
  bool antialias_ = true;
  Coverage coverage_;
  std::vector<Point> outline_;  // world points of the shape being made
  std::vector<Point> device_;   // the same in pixels
  std::vector<Point> corners_;  // a polyline without repeated points
};

}  // namespace reverie
