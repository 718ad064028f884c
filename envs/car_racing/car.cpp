#include "envs/car_racing/car.h"

#include <algorithm>
#include <cmath>

namespace reverie::car_racing {
namespace {

constexpr double kEnginePower = 100000000 * kSize * kSize;
constexpr double kWheelInertia = 4000 * kSize * kSize;  // of the rolling wheel, not of its body
constexpr double kFrictionLimit = 1000000 * kSize * kSize;
constexpr double kGrassShare = 0.6;                    // of the road's friction
constexpr double kSlipForce = 205000 * kSize * kSize;  // per unit/s of slip, below the limit
constexpr double kBrakeRate = 15.0;                    // [rad/s] a step at full brake
constexpr double kLockingBrake = 0.9;
constexpr double kGasRise = 0.1;    // a step
constexpr double kSkidForce = 2.0;  // in friction limits

double sign(double x) { return x > 0.0 ? 1.0 : (x < 0.0 ? -1.0 : 0.0); }

}  // namespace

Car::Car(const CarScales& scales, PhysicsEngine engine)
    : definition_(car_definition(scales.hull_mass)),
      scales_(scales),
      physics_(make_car_physics(engine, definition_)) {}

void Car::place(double x, double y, double angle) {
  const auto turned = static_cast<float>(angle);
  body = {};
  wheels = {};
  body.hull.angle = turned;
  body.hull.center = Rotation(turned)(definition_.hull.center) +
                     Vec2{static_cast<float>(x), static_cast<float>(y)};
  for (size_t i = 0; i < wheels.size(); ++i) {
    const Vec2 anchor = definition_.anchors[i];
    body.wheels[i].angle = turned;
    body.wheels[i].center = {static_cast<float>(x + static_cast<double>(anchor.x)),
                             static_cast<float>(y + static_cast<double>(anchor.y))};
  }
}

Vec2 Car::hull_position() const {
  return body.hull.center - Rotation(body.hull.angle)(definition_.hull.center);
}

void Car::steer(double target) {
  wheels[0].steer = target;
  wheels[1].steer = target;
}

void Car::gas(double gas) {
  const double wanted = std::clamp(gas, 0.0, 1.0);
  for (size_t i = 2; i < 4; ++i) {  // increases slowly, decreases at once
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
  const double to_turn = wheel.steer - static_cast<double>(body.hinge_angle(i));
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

  // Power / torque is speed; 5 rad/s are added, so that a standing wheel does not divide by zero.
  wheel.omega += kStep * (kEnginePower * scales_.engine_power) * wheel.gas / kWheelInertia /
                 (std::abs(wheel.omega) + 5.0);
  if (wheel.brake >= kLockingBrake) {
    wheel.omega = 0.0;
  } else if (wheel.brake > 0.0) {
    wheel.omega -= sign(wheel.omega) * std::min(kBrakeRate * wheel.brake, std::abs(wheel.omega));
  }
  wheel.phase += wheel.omega * kStep;

  // A force against the slip between tyre and ground, limited to what friction can carry.
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
