#include "envs/car_racing/car_drawing.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "envs/car_racing/score_text.h"

namespace reverie::car_racing {
namespace {

constexpr double kWindowWidth = 1000.0;
constexpr double kWindowHeight = 800.0;
constexpr double kCarX = 500.0;  // x of the car in the window
constexpr double kCarY = 600.0;
constexpr double kFarZoom = 0.1 * kScale;  // [window pixels per unit] at reset
constexpr double kNearZoom = 2.7 * kScale;
constexpr double kBarTop = 700.0;
constexpr double kGrassSide = kPlayfield / 20.0;
constexpr int kGrassCells = 20;  // squares from -20 to 18, every other one

// quirk: the reference's downscaling (pygame's smoothscale) subtracts 2 from every channel.
constexpr Color shrunk(Color color) {
  const auto channel = [](uint8_t c) { return static_cast<uint8_t>(c > 2 ? c - 2 : 0); };
  return {channel(color.r), channel(color.g), channel(color.b)};
}

constexpr Color kBlack{0, 0, 0};
constexpr Color kWheelStripe = shrunk({77, 77, 77});
constexpr Color kWhite = shrunk({255, 255, 255});
constexpr Color kRed = shrunk({255, 0, 0});
constexpr Color kGreen = shrunk({0, 255, 0});
constexpr Color kBlue = shrunk({0, 0, 255});
constexpr Color kPurple = shrunk({51, 0, 255});

Point on_hull(const Car& car, Point p) {
  const Vec2 origin = car.hull_position();
  const Rotation turned(car.body.hull.angle);
  return {origin.x + turned.c * p.x - turned.s * p.y, origin.y + turned.s * p.x + turned.c * p.y};
}

// World to canvas, as the window's pixels see it: the reference's polygons end in the middle of
// pixels, ours on their borders.
Transform window_camera(const Canvas& canvas, const Car& car, double zoom) {
  const Vec2 origin = car.hull_position();
  return Transform::scale(canvas.width() / kWindowWidth, canvas.height() / kWindowHeight) *
         Transform::translate(kCarX + 0.5, kCarY - 0.5) * Transform::scale(zoom, -zoom) *
         Transform::rotate(-static_cast<double>(car.body.hull.angle)) *
         Transform::translate(-origin.x, -origin.y);
}

// A circle of the world that contains all of the window above the bar.
struct Sight {
  Point center;
  double radius;
};

Sight window_sight(const Car& car, double zoom) {
  const double ahead = (kCarY - kBarTop / 2) / zoom;
  return {on_hull(car, {0.0, ahead}), std::hypot(kWindowWidth / 2, kBarTop / 2) / zoom};
}

void draw_ground(Canvas& canvas, const Colors& colors, const Sight& sight) {
  const double far = std::max(std::abs(sight.center.x), std::abs(sight.center.y)) + sight.radius;
  if (far <= kPlayfield) {
    canvas.clear(shrunk(colors.background));
  } else {
    canvas.clear(kBlack);
    canvas.fill_rect(-kPlayfield, -kPlayfield, 2 * kPlayfield, 2 * kPlayfield,
                     shrunk(colors.background));
  }
  const auto first = [&](double low) {
    const int cell = std::max(static_cast<int>(std::floor(low / kGrassSide)), -kGrassCells);
    return cell - (cell & 1);  // even, also below zero
  };
  const auto last = [&](double high) {
    return std::min(static_cast<int>(std::floor(high / kGrassSide)), kGrassCells - 2);
  };
  for (int i = first(sight.center.x - sight.radius); i <= last(sight.center.x + sight.radius);
       i += 2) {
    for (int j = first(sight.center.y - sight.radius); j <= last(sight.center.y + sight.radius);
         j += 2) {
      const double x = kGrassSide * i;
      const double y = kGrassSide * j;
      const std::array<Point, 4> square = {
          {{x, y}, {x + kGrassSide, y}, {x + kGrassSide, y + kGrassSide}, {x, y + kGrassSide}}};
      canvas.add_polygon(square);
    }
  }
  canvas.fill_path(shrunk(colors.grass));
}

// Tiles of one run share their edges; the run is one outline, so that no ground shows between them.
void add_road(Canvas& canvas, const TrackPicture& picture, const std::vector<size_t>& tiles) {
  const size_t n = picture.left.size();
  static thread_local std::vector<Point> outline;
  for (size_t begin = 0; begin < tiles.size();) {
    size_t end = begin + 1;
    while (end < tiles.size() && tiles[end] == (tiles[end - 1] + 1) % n) ++end;
    outline.clear();
    outline.push_back(picture.left[(tiles[begin] + n - 1) % n]);
    for (size_t k = begin; k < end; ++k) outline.push_back(picture.left[tiles[k]]);
    for (size_t k = end; k-- > begin;) outline.push_back(picture.right[tiles[k]]);
    outline.push_back(picture.right[(tiles[begin] + n - 1) % n]);
    canvas.add_polygon(outline);
    begin = end;
  }
}

// The two lighter ones of the three shades of tiles. Drawn slightly narrower than the road, whose
// border is smooth already.
void draw_shades(Canvas& canvas, const Scene& scene, const std::vector<size_t>& tiles) {
  constexpr double kInset = 0.06;  // of the road's width
  const TrackPicture& picture = scene.picture;
  const size_t n = picture.left.size();
  for (const size_t shade : {size_t{1}, size_t{2}}) {
    for (const size_t i : tiles) {
      if (i % 3 != shade || !scene.road.shaded(i)) continue;
      const auto across = [&](size_t point, double t) {
        const Point a = picture.left[point];
        const Point b = picture.right[point];
        return Point{a.x + t * (b.x - a.x), a.y + t * (b.y - a.y)};
      };
      const size_t before = (i + n - 1) % n;
      const std::array<Point, 4> quad = {across(i, kInset), across(i, 1 - kInset),
                                         across(before, 1 - kInset), across(before, kInset)};
      canvas.add_polygon(quad);
    }
    const double lighter = 2.55 * static_cast<double>(shade);
    const auto channel = [&](uint8_t c) { return static_cast<uint8_t>(c + lighter); };
    const Color road = scene.colors.road;
    canvas.fill_path(shrunk({channel(road.r), channel(road.g), channel(road.b)}));
  }
}

// White first along the whole kerb, then red over it, so that no ground shows between them.
void draw_kerbs(Canvas& canvas, const Track& track, const std::vector<size_t>& tiles) {
  const auto add = [&](size_t i) {
    if (track.has_kerb[i] != 0) canvas.add_polygon(track.kerb(i));
    return track.has_kerb[i] != 0;
  };
  bool any = false;
  for (const size_t i : tiles) any = add(i) || any;
  if (!any) return;
  canvas.fill_path(kWhite);
  for (const size_t i : tiles) {
    if (i % 2 == 1) add(i);
  }
  canvas.fill_path(kRed);
}

std::array<Point, 4> place(const Body& body, const std::array<Point, 4>& outline) {
  const Rotation turned(body.angle);
  std::array<Point, 4> placed;
  for (size_t i = 0; i < 4; ++i) {
    placed[i] = {body.center.x + turned.c * outline[i].x - turned.s * outline[i].y,
                 body.center.y + turned.s * outline[i].x + turned.c * outline[i].y};
  }
  return placed;
}

void draw_wheels(Canvas& canvas, const Car& car) {
  for (const Body& body : car.body.wheels) canvas.add_polygon(place(body, wheel_outline()));
  canvas.fill_path(kBlack);
  // A mark on the tyre that shows it roll: visible while cos and sin put it on the upper side.
  for (size_t i = 0; i < 4; ++i) {
    const double phase = car.wheels[i].phase;
    const double s1 = std::sin(phase), s2 = std::sin(phase + 1.2);
    double c1 = std::cos(phase), c2 = std::cos(phase + 1.2);
    if (s1 > 0.0 && s2 > 0.0) continue;
    if (s1 > 0.0) c1 = c1 > 0.0 ? 1.0 : -1.0;
    if (s2 > 0.0) c2 = c2 > 0.0 ? 1.0 : -1.0;
    canvas.add_polygon(place(car.body.wheels[i], {{{-kWheelHalfWidth, kWheelRadius * c1},
                                                   {kWheelHalfWidth, kWheelRadius * c1},
                                                   {kWheelHalfWidth, kWheelRadius * c2},
                                                   {-kWheelHalfWidth, kWheelRadius * c2}}}));
  }
  canvas.fill_path(kWheelStripe);
}

void add_hull(Canvas& canvas, const Car& car) {
  std::array<Point, 8> placed;
  for (const Outline& part : hull_outlines()) {
    for (size_t i = 0; i < part.count; ++i) placed[i] = on_hull(car, part.points[i]);
    canvas.add_polygon({placed.data(), part.count});
  }
}

// The bar below: speed, the wheels' rotation, steering and turning.
void draw_indicators(Canvas& canvas, const Scene& scene) {
  constexpr double kColumn = kWindowWidth / 40.0;
  constexpr double kRow = kWindowHeight / 40.0;
  canvas.set_transform(
      Transform::scale(canvas.width() / kWindowWidth, canvas.height() / kWindowHeight));
  canvas.fill_rect(0.0, kBarTop, kWindowWidth, kWindowHeight - kBarTop, kBlack);
  // The window's pixels at both ends belong to the rectangle.
  const auto add = [&](double value, double x0, double x1, double y0, double y1) {
    if (std::abs(value) <= 1e-4) return;
    const auto [left, right] = std::minmax(x0, x1);
    const auto [top, bottom] = std::minmax(y0, y1);
    canvas.add_polygon(std::array<Point, 4>{
        {{left, top}, {right + 1.0, top}, {right + 1.0, bottom + 1.0}, {left, bottom + 1.0}}});
  };
  const auto vertical = [&](int place, double value, double height) {
    const double base = kWindowHeight - kRow;
    add(value, place * kColumn, (place + 1) * kColumn, base - kRow * height, base);
  };
  const auto horizontal = [&](int place, double value, double width) {
    add(value, place * kColumn, (place + width) * kColumn, kWindowHeight - 4 * kRow,
        kWindowHeight - 2 * kRow);
  };
  const Car& car = scene.car;
  const double speed = car.speed();
  vertical(5, speed, 0.02 * speed);
  canvas.fill_path(kWhite);
  for (int axle = 0; axle < 2; ++axle) {
    for (int i = 2 * axle; i < 2 * axle + 2; ++i) {
      const double omega = car.wheels[static_cast<size_t>(i)].omega;
      vertical(7 + i, omega, 0.01 * omega);
    }
    canvas.fill_path(axle == 0 ? kBlue : kPurple);
  }
  const double steering = car.body.hinge_angle(0);
  horizontal(20, steering, -10.0 * steering);
  canvas.fill_path(kGreen);
  const double turning = car.body.hull.angular_velocity;
  horizontal(30, turning, -0.8 * turning);
  canvas.fill_path(kRed);
}

}  // namespace

double camera_zoom(double time) {
  return kFarZoom * std::max(1.0 - time, 0.0) + kNearZoom * std::min(time, 1.0);
}

void TrackPicture::build(const Track& track) {
  const size_t n = track.size();
  left.resize(n);
  right.resize(n);
  centers.resize(n);
  radii.resize(n);
  for (size_t i = 0; i < n; ++i) {
    const Quad quad = track.tile(i);
    left[i] = quad[0];
    right[i] = quad[1];
    centers[i] = {};
    for (const Point p : quad) centers[i] = {centers[i].x + p.x / 4, centers[i].y + p.y / 4};
    radii[i] = 0.0;
    for (const Point p : quad) {
      radii[i] = std::max(radii[i], std::hypot(p.x - centers[i].x, p.y - centers[i].y));
    }
    radii[i] += kKerbWidth;
  }
}

void find_visible_tiles(const TrackPicture& picture, Point center, double radius,
                        std::vector<size_t>& tiles) {
  tiles.clear();
  for (size_t i = 0; i < picture.centers.size(); ++i) {
    const double dx = picture.centers[i].x - center.x;
    const double dy = picture.centers[i].y - center.y;
    const double reach = radius + picture.radii[i];
    if (dx * dx + dy * dy <= reach * reach) tiles.push_back(i);
  }
}

void draw_observation(Canvas& canvas, const Scene& scene) {
  const double zoom = camera_zoom(scene.time) * scene.zoom;
  const Sight sight = window_sight(scene.car, zoom);
  static thread_local std::vector<size_t> tiles;
  find_visible_tiles(scene.picture, sight.center, sight.radius, tiles);
  canvas.set_transform(window_camera(canvas, scene.car, zoom));
  draw_ground(canvas, scene.colors, sight);
  add_road(canvas, scene.picture, tiles);
  canvas.fill_path(shrunk(scene.colors.road));
  draw_shades(canvas, scene, tiles);
  draw_kerbs(canvas, scene.track, tiles);
  draw_wheels(canvas, scene.car);
  add_hull(canvas, scene.car);
  canvas.fill_path(shrunk(scene.colors.hull));
  draw_indicators(canvas, scene);
  canvas.set_transform({});
  draw_score(canvas, scene.score);
}

}  // namespace reverie::car_racing
