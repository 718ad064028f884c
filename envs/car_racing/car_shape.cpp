#include "envs/car_racing/car_shape.h"

namespace reverie::car_racing {
namespace {

constexpr float kHullDensity = 1.0F;
constexpr float kWheelDensity = 0.1F;
constexpr float kSteerTorque = static_cast<float>(180 * 900 * kSize * kSize);

constexpr std::array<std::array<int, 2>, 4> kWheelPositions = {
    {{-55, 80}, {55, 80}, {-55, -82}, {55, -82}}};

template <size_t N>
Outline outline(const std::array<std::array<int, 2>, N>& corners) {
  Outline result{.points = {}, .count = N};
  for (size_t i = 0; i < N; ++i) {
    result.points[i] = {corners[i][0] * kSize, corners[i][1] * kSize};
  }
  return result;
}

// Area, second moment about the origin and first moments of a polygon, by triangles at the origin.
struct Moments {
  double area = 0.0, x = 0.0, y = 0.0, second = 0.0;
  void add(std::span<const Point> points) {
    double signed_area = 0.0, sx = 0.0, sy = 0.0, s2 = 0.0;
    Point a = points.back();
    for (const Point b : points) {
      const double cross = a.x * b.y - b.x * a.y;
      signed_area += cross / 2.0;
      sx += cross * (a.x + b.x) / 6.0;
      sy += cross * (a.y + b.y) / 6.0;
      s2 += cross * (a.x * a.x + a.x * b.x + b.x * b.x + a.y * a.y + a.y * b.y + b.y * b.y) / 12.0;
      a = b;
    }
    const double sign = signed_area < 0.0 ? -1.0 : 1.0;
    area += sign * signed_area;
    x += sign * sx;
    y += sign * sy;
    second += sign * s2;
  }
  BodyMass mass(double density) const {
    const Point center = {x / area, y / area};
    const double about_center = second - area * (center.x * center.x + center.y * center.y);
    return {.mass = static_cast<float>(density * area),
            .inertia = static_cast<float>(density * about_center),
            .center = {static_cast<float>(center.x), static_cast<float>(center.y)}};
  }
};

// Box2D adds up the four polygons unchanged, so matter counts twice where they overlap.
BodyMass hull_mass(double scale) {
  Moments moments;
  for (const Outline& part : hull_outlines()) moments.add(part.view());
  return moments.mass(kHullDensity * scale);
}

BodyMass wheel_mass() {
  Moments moments;
  moments.add(wheel_outline());
  return moments.mass(kWheelDensity);
}

}  // namespace

const std::array<Outline, 4>& hull_outlines() {
  static const std::array<Outline, 4> outlines = {
      outline<4>({{{-60, 130}, {60, 130}, {60, 110}, {-60, 110}}}),
      outline<4>({{{-15, 120}, {15, 120}, {20, 20}, {-20, 20}}}),
      outline<8>({{{25, 20},
                   {50, -10},
                   {50, -40},
                   {20, -90},
                   {-20, -90},
                   {-50, -40},
                   {-50, -10},
                   {-25, 20}}}),
      outline<4>({{{-50, -120}, {50, -120}, {50, -90}, {-50, -90}}})};
  return outlines;
}

const std::array<Point, 4>& wheel_outline() {
  static const std::array<Point, 4> corners = {{{-kWheelHalfWidth, kWheelRadius},
                                                {kWheelHalfWidth, kWheelRadius},
                                                {kWheelHalfWidth, -kWheelRadius},
                                                {-kWheelHalfWidth, -kWheelRadius}}};
  return corners;
}

CarDefinition car_definition(double hull_mass_scale) {
  CarDefinition car{.hull = hull_mass(hull_mass_scale),
                    .wheel = wheel_mass(),
                    .anchors = {},
                    .lower_angle = -kMaxSteer,
                    .upper_angle = kMaxSteer,
                    .max_motor_torque = kSteerTorque};
  for (size_t i = 0; i < car.anchors.size(); ++i) {
    car.anchors[i] = {static_cast<float>(kWheelPositions[i][0] * kSize),
                      static_cast<float>(kWheelPositions[i][1] * kSize)};
  }
  return car;
}

}  // namespace reverie::car_racing
