#include <algorithm>
#include <array>
#include <cmath>

#include "envs/car_racing/car_drawing.h"

namespace reverie::car_racing {
namespace {

constexpr double kViewHeight = 52.0;  // [units] of the picture, whatever its width
constexpr double kCarAt = 0.70;       // of the picture's height
constexpr double kEdgeLine = 0.22;    // [units] width of the white lines
constexpr double kVerge = 1.1;        // [units] of worn ground beside the road

constexpr Color kWhite{245, 245, 240};
constexpr Color kKerbRed{206, 44, 44};
constexpr Color kTyre{28, 28, 32};
constexpr Color kTyreLight{92, 92, 100};
constexpr Color kShadow{0, 0, 0, 60};
constexpr Color kRubber{20, 20, 24, 120};
constexpr Color kMud{96, 74, 30, 130};

// a + t (b - a), t in [0, 1].
Color mixed(Color a, Color b, double t) {
  const auto channel = [t](uint8_t from, uint8_t to) {
    return static_cast<uint8_t>(std::lround(from + t * (to - from)));
  };
  return {channel(a.r, b.r), channel(a.g, b.g), channel(a.b, b.b)};
}

// The scene's colours, darker than in the reference's flat picture.
struct Palette {
  explicit Palette(const Colors& colors)
      : ground(mixed(colors.background, {46, 92, 50}, 0.45)),
        grass(mixed(colors.grass, {46, 92, 50}, 0.44)),
        verge(mixed(ground, {120, 104, 70}, 0.35)),
        road(mixed(colors.road, {52, 54, 60}, 0.6)),
        hull(colors.hull),
        hull_dark(mixed(colors.hull, {20, 0, 0}, 0.45)),
        hull_light(mixed(colors.hull, {255, 255, 255}, 0.45)) {}
  Color ground, grass, verge, road, hull, hull_dark, hull_light;
};

class Film {
 public:
  Film(Canvas& canvas, const Scene& scene)
      : canvas_(canvas), scene_(scene), palette_(scene.colors) {}

  void draw() {
    // The reference's camera, which zooms in during the first second, without its distortion.
    const double scale = canvas_.height() / kViewHeight * scene_.zoom *
                         (camera_zoom(scene_.time) / camera_zoom(1.0));
    const Body& hull = scene_.car.body.hull;
    const Vec2 origin = scene_.car.hull_position();
    const double angle = hull.angle;
    const double ahead = (kCarAt - 0.5) * canvas_.height() / scale;
    center_ = {origin.x - std::sin(angle) * ahead, origin.y + std::cos(angle) * ahead};
    radius_ = std::hypot(canvas_.width(), canvas_.height()) / (2.0 * scale);
    canvas_.set_transform(camera(center_, scale, canvas_.width(), canvas_.height(), -angle));
    find_visible_tiles(scene_.picture, center_, radius_, tiles_);
    draw_ground();
    draw_road();
    draw_marks();
    draw_car();
    canvas_.set_transform({});
  }

 private:
  void draw_ground() {
    canvas_.clear(palette_.ground);
    constexpr double kSide = kPlayfield / 20.0;
    const auto cell = [](double x) { return static_cast<int>(std::floor(x / kSide)); };
    for (int i = cell(center_.x - radius_); i <= cell(center_.x + radius_); ++i) {
      for (int j = cell(center_.y - radius_); j <= cell(center_.y + radius_); ++j) {
        if ((i + j) % 2 != 0) continue;
        const double x = kSide * i;
        const double y = kSide * j;
        canvas_.add_polygon(
            std::array<Point, 4>{{{x, y}, {x + kSide, y}, {x + kSide, y + kSide}, {x, y + kSide}}});
      }
    }
    canvas_.fill_path(palette_.grass);
  }

  // A point across the road at track point i: 0 is the left edge, 1 the right one, values outside
  // are ground; `shift` [units] moves it to the right.
  Point across(size_t i, double t, double shift = 0.0) const {
    const Point a = scene_.picture.left[i];
    const Point b = scene_.picture.right[i];
    const double u = t + shift / (2.0 * kTrackHalfWidth);
    return {a.x + u * (b.x - a.x), a.y + u * (b.y - a.y)};
  }

  // Adds the strip of road between two lines along it, for every visible tile that `take` accepts.
  template <typename Take>
  void add_strip(double t0, double shift0, double t1, double shift1, Take&& take) {
    for (const size_t i : tiles_) {
      if (!take(i)) continue;
      const size_t before = scene_.track.before(i);
      canvas_.add_polygon(std::array<Point, 4>{across(i, t0, shift0), across(i, t1, shift1),
                                               across(before, t1, shift1),
                                               across(before, t0, shift0)});
    }
  }

  void draw_road() {
    const auto all = [](size_t) { return true; };
    add_strip(0.0, -kVerge, 1.0, kVerge, all);
    canvas_.fill_path(palette_.verge);
    draw_kerbs();
    add_strip(0.0, 0.0, 1.0, 0.0, all);
    canvas_.fill_path(palette_.road);
    // Asphalt in patches, slightly lighter where nobody has driven.
    for (const size_t shade : {size_t{1}, size_t{2}}) {
      add_strip(0.0, kEdgeLine, 1.0, -kEdgeLine, [&](size_t i) { return i / 3 % 3 == shade; });
      canvas_.fill_path(mixed(palette_.road, {255, 255, 255}, 0.013 * static_cast<double>(shade)));
    }
    add_strip(0.0, kEdgeLine, 0.0, 2.2 * kEdgeLine, all);
    add_strip(1.0, -2.2 * kEdgeLine, 1.0, -kEdgeLine, all);
    canvas_.fill_path(mixed(palette_.road, kWhite, 0.75));
    add_strip(0.5, -0.5 * kEdgeLine, 0.5, 0.5 * kEdgeLine, [](size_t i) { return i % 4 < 2; });
    canvas_.fill_path(mixed(palette_.road, kWhite, 0.35));
    draw_start();
  }

  void draw_kerbs() {
    const auto add = [&](size_t i) {
      if (scene_.track.has_kerb[i] != 0) canvas_.add_polygon(scene_.track.kerb(i));
    };
    for (const size_t i : tiles_) add(i);
    canvas_.fill_path(kWhite);
    for (const size_t i : tiles_) {
      if (i % 2 == 1) add(i);
    }
    canvas_.fill_path(kKerbRed);
  }

  // Two rows of a chequered pattern over the first half of tile 0.
  void draw_start() {
    if (std::find(tiles_.begin(), tiles_.end(), size_t{0}) == tiles_.end()) return;
    constexpr int kSquares = 12;
    const size_t last = scene_.track.before(0);
    const auto place = [&](double t, double along) {
      const Point a = across(last, t);
      const Point b = across(0, t);
      return Point{a.x + along * (b.x - a.x), a.y + along * (b.y - a.y)};
    };
    for (const int colour : {0, 1}) {
      for (int row = 0; row < 2; ++row) {
        for (int k = 0; k < kSquares; ++k) {
          if ((row + k) % 2 != colour) continue;
          const double t0 = static_cast<double>(k) / kSquares;
          const double t1 = static_cast<double>(k + 1) / kSquares;
          const double a0 = 0.32 * row;
          canvas_.add_polygon(std::array<Point, 4>{place(t0, a0), place(t1, a0),
                                                   place(t1, a0 + 0.32), place(t0, a0 + 0.32)});
        }
      }
      canvas_.fill_path(colour == 0 ? kWhite : Color{30, 30, 34});
    }
  }

  void draw_marks() {
    for (size_t i = 0; i < scene_.skid_marks.size(); ++i) {
      const SkidMark& mark = scene_.skid_marks[i];
      canvas_.stroke_polyline(mark.points(), 0.5, mark.on_grass() ? kMud : kRubber);
    }
  }

  // A rounded box in a body's frame.
  void fill_box(const Vec2& origin, float angle, Point low, Point high, double radius,
                Color color) {
    const Transform world = canvas_.transform();
    canvas_.set_transform(world * Transform::translate(origin.x, origin.y) *
                          Transform::rotate(angle));
    canvas_.fill_rounded_rect(low.x, low.y, high.x - low.x, high.y - low.y, radius, color);
    canvas_.set_transform(world);
  }

  void draw_car() {
    const Car& car = scene_.car;
    const Vec2 origin = car.hull_position();
    const float angle = car.body.hull.angle;
    // Shadows fall to the same side of the world whatever the car's direction.
    const Vec2 shade = {origin.x + 0.35F, origin.y - 0.35F};
    fill_box(shade, angle, {-1.3, -2.5}, {1.3, 2.6}, 0.5, kShadow);
    for (size_t i = 0; i < 4; ++i) {
      const Body& wheel = car.body.wheels[i];
      const double half = i < 2 ? 0.26 : 0.33;
      fill_box(wheel.center, wheel.angle, {-half, -0.55}, {half, 0.55}, 0.16, kTyre);
      // Two treads that roll with the tyre.
      for (const double offset : {0.0, 3.14159}) {
        const double at = std::cos(car.wheels[i].phase + offset);
        if (std::sin(car.wheels[i].phase + offset) > 0.0) continue;
        fill_box(wheel.center, wheel.angle, {-half, 0.5 * at - 0.05}, {half, 0.5 * at + 0.05}, 0.0,
                 kTyreLight);
      }
    }
    const auto box = [&](Point low, Point high, double radius, Color color) {
      fill_box(origin, angle, low, high, radius, color);
    };
    // Axles, wings, body, cockpit.
    box({-1.1, 1.52}, {1.1, 1.66}, 0.05, kTyreLight);
    box({-1.1, -1.71}, {1.1, -1.57}, 0.05, kTyreLight);
    box({-1.22, 2.2}, {1.22, 2.62}, 0.1, palette_.hull_dark);
    box({-1.05, -2.42}, {1.05, -1.85}, 0.1, palette_.hull_dark);
    std::array<Point, 8> placed;
    const Rotation turned(angle);
    for (const size_t part : {size_t{1}, size_t{2}}) {
      const Outline& outline = hull_outlines()[part];
      for (size_t i = 0; i < outline.count; ++i) {
        const Vec2 p = turned({static_cast<float>(outline.points[i].x),
                               static_cast<float>(outline.points[i].y)}) +
                       origin;
        placed[i] = {p.x, p.y};
      }
      canvas_.add_polygon({placed.data(), outline.count});
    }
    canvas_.fill_path(palette_.hull);
    box({-0.09, 0.7}, {0.09, 2.5}, 0.05, palette_.hull_light);
    box({-0.36, -0.85}, {0.36, 0.15}, 0.3, {24, 26, 34});
    box({-0.22, -0.55}, {0.22, -0.11}, 0.22, kWhite);  // the driver's helmet
  }

  Canvas& canvas_;
  const Scene& scene_;
  Palette palette_;
  Point center_;
  double radius_ = 0.0;
  std::vector<size_t> tiles_;
};

// The whole track in a corner, with the car on it.
void draw_map(Canvas& canvas, const Scene& scene) {
  constexpr double kShare = 0.24;  // of the picture's height
  constexpr int kLeastHeight = 200;
  if (canvas.height() < kLeastHeight || canvas.width() < kLeastHeight) return;
  Point low = {1e9, 1e9};
  Point high = {-1e9, -1e9};
  static thread_local std::vector<Point> line;
  line.clear();
  for (const TrackPoint& point : scene.track.points) {
    low = {std::min(low.x, point.position.x), std::min(low.y, point.position.y)};
    high = {std::max(high.x, point.position.x), std::max(high.y, point.position.y)};
    line.push_back(point.position);
  }
  const double side = kShare * canvas.height();
  const double margin = 0.03 * canvas.height();
  canvas.fill_rounded_rect(canvas.width() - margin - side, margin, side, side, 0.08 * side,
                           {16, 20, 28, 150});
  const double scale = 0.84 * side / std::max(high.x - low.x, high.y - low.y);
  canvas.set_transform(Transform::translate(canvas.width() - margin - side / 2, margin + side / 2) *
                       Transform::scale(scale, -scale) *
                       Transform::translate(-(low.x + high.x) / 2, -(low.y + high.y) / 2));
  canvas.stroke_polyline(line, 0.035 * side / scale, {225, 228, 235}, Cap::kRound, true);
  const Vec2 car = scene.car.hull_position();
  canvas.fill_circle({car.x, car.y}, 0.05 * side / scale, {16, 20, 28});
  canvas.fill_circle({car.x, car.y}, 0.036 * side / scale, scene.colors.hull);
  canvas.set_transform({});
}

}  // namespace

void draw_film(Canvas& canvas, const Scene& scene) {
  Film(canvas, scene).draw();
  draw_map(canvas, scene);
}

}  // namespace reverie::car_racing
