#include "envs/car_racing/car.h"

#include <algorithm>
#include <cmath>

namespace reverie::car_racing {
namespace {

constexpr double kEnginePower = 100000000 * kSize * kSize;
constexpr double kWheelInertia = 4000 * kSize * kSize;  // of its rolling, not of its body
constexpr double kFrictionLimit = 1000000 * kSize * kSize;
constexpr double kGrassShare = 0.6;                    // of the road's friction
constexpr double kSlipForce = 205000 * kSize * kSize;  // per unit/s of slip, below the limit
constexpr double kBrakeRate = 15.0;                    // [rad/s] a step at full brake
constexpr double kLockingBrake = 0.9;
constexpr double kGasRise = 0.1;    // a step
constexpr double kSkidForce = 2.0;  // in friction limits

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

// Box2D adds the four polygons up as they are: where they overlap, matter counts twice.
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

double sign(double x) { return x > 0.0 ? 1.0 : (x < 0.0 ? -1.0 : 0.0); }

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

std::array<Vec2, 4> wheel_anchors() {
  std::array<Vec2, 4> result;
  for (size_t i = 0; i < 4; ++i) {
    result[i] = {static_cast<float>(kWheelPositions[i][0] * kSize),
                 static_cast<float>(kWheelPositions[i][1] * kSize)};
  }
  return result;
}

Car::Car(const CarScales& scales)
    : body(hull_mass(scales.hull_mass), wheel_mass(), wheel_anchors(), -kMaxSteer, kMaxSteer,
           kSteerTorque),
      scales_(scales) {}

void Car::place(double x, double y, double angle) {
  body.place(x, y, angle);
  wheels = {};
}

void Car::steer(double target) {
  wheels[0].steer = target;
  wheels[1].steer = target;
}

void Car::gas(double gas) {
  const double wanted = std::clamp(gas, 0.0, 1.0);
  for (size_t i = 2; i < 4; ++i) {  // more only little by little, less at once
    wheels[i].gas += std::min(wanted - wheels[i].gas, kGasRise);
  }
}

void Car::brake(double brake) {
  for (Wheel& wheel : wheels) wheel.brake = brake;
}

double Car::speed() const {
  const double x = body.hull.velocity.x;
  const double y = body.hull.velocity.y;
  return std::sqrt(x * x + y * y);
}

void Car::apply_tyres() {
  for (size_t i = 0; i < wheels.size(); ++i) apply_tyre(i);
}

void Car::apply_tyre(size_t i) {
  Wheel& wheel = wheels[i];
  Body& mount = body.wheels[i];
  const double to_turn = wheel.steer - static_cast<double>(body.hinge_angle(static_cast<int>(i)));
  body.hinges[i].motor_speed =
      static_cast<float>(sign(to_turn) * std::min(50.0 * std::abs(to_turn), 3.0));
  const double friction_limit = wheel.on_road
                                    ? kFrictionLimit * scales_.road_friction
                                    : kFrictionLimit * kGrassShare * scales_.grass_friction;

  const Rotation turned(mount.angle);
  const Point forward = {-turned.s, turned.c};
  const Point side = {turned.c, turned.s};
  const Point velocity = {mount.velocity.x, mount.velocity.y};
  const double forward_speed = forward.x * velocity.x + forward.y * velocity.y;
  const double side_speed = side.x * velocity.x + side.y * velocity.y;

  // Power / torque is speed; 5 rad/s more, so that a standing wheel does not divide by zero.
  wheel.omega += kStep * (kEnginePower * scales_.engine_power) * wheel.gas / kWheelInertia /
                 (std::abs(wheel.omega) + 5.0);
  if (wheel.brake >= kLockingBrake) {
    wheel.omega = 0.0;
  } else if (wheel.brake > 0.0) {
    wheel.omega -= sign(wheel.omega) * std::min(kBrakeRate * wheel.brake, std::abs(wheel.omega));
  }
  wheel.phase += wheel.omega * kStep;

  // A force against the slip between tyre and ground, cut to what friction can carry.
  double forward_force = (-forward_speed + wheel.omega * kWheelRadius) * kSlipForce;
  double side_force = -side_speed * kSlipForce;
  const double force = std::sqrt(forward_force * forward_force + side_force * side_force);
  wheel.skids = force > kSkidForce * friction_limit;
  if (force > friction_limit) {
    forward_force = forward_force / force * friction_limit;
    side_force = side_force / force * friction_limit;
  }
  wheel.omega -= kStep * forward_force * kWheelRadius / kWheelInertia;
  mount.force = {static_cast<float>(side_force * side.x + forward_force * forward.x),
                 static_cast<float>(side_force * side.y + forward_force * forward.y)};
}

}  // namespace reverie::car_racing
