#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "drawing/coverage.h"
#include "envs/car_racing/rigid_car.h"

namespace reverie::car_racing {

// The outlines of the car in its own frame, for physics, contacts and drawing (car_dynamics.py).
struct Outline {
  std::array<Point, 8> points;
  size_t count;
  std::span<const Point> view() const { return {points.data(), count}; }
};
inline constexpr double kSize = 0.02;  // world units of the reference's drawing units
inline constexpr double kWheelRadius = 27 * kSize;
inline constexpr double kWheelHalfWidth = 14 * kSize;
inline constexpr float kHullDensity = 1.0F;
inline constexpr float kWheelDensity = 0.1F;
inline constexpr float kMaxSteer = 0.4F;  // [rad] of every hinge to both sides
inline constexpr float kSteerTorque = static_cast<float>(180 * 900 * kSize * kSize);
const std::array<Outline, 4>& hull_outlines();
const std::array<Point, 4>& wheel_outline();
std::array<Vec2, 4> wheel_anchors();  // the hinges in the hull's frame

// What the factors of variation may change; 1 is the reference.
struct CarScales {
  double engine_power = 1.0;
  double hull_mass = 1.0;
  double road_friction = 1.0;
  double grass_friction = 1.0;
};

// One wheel beside its body: what drives and brakes it.
struct Wheel {
  double gas = 0.0;    // [0, 1], rises by at most 0.1 a step
  double brake = 0.0;  // not clipped; from 0.9 on the wheel locks
  double steer = 0.0;  // [rad] target of the hinge
  double omega = 0.0;  // [rad/s]
  double phase = 0.0;  // [rad] how far it has rolled
  bool on_road = false;
  bool skids = false;  // whether the tyre asked for more than twice its grip in the last step
};

// The reference's car (Gymnasium 1.4.0, car_dynamics.py): front wheels steer, rear wheels drive,
// all brake; each tyre pushes its body by as much as its friction allows. Wheels 0 and 1 are front
// left and right, 2 and 3 rear left and right.
class Car {
 public:
  static constexpr double kStep = 1.0 / 50.0;  // [s]

  explicit Car(const CarScales& scales = {});

  // At rest with its origin at (x, y), the front towards (-sin angle, cos angle).
  void place(double x, double y, double angle);

  // Inputs of the next steps. steer: left positive, the reference passes minus the action.
  void steer(double target);
  void gas(double gas);  // clipped to [0, 1]
  void brake(double brake);

  // Engine, brakes and tyres; their forces act in the next move(). Uses each wheel's on_road.
  void apply_tyres();

  // Advances the bodies by kStep.
  void move() { body.step(static_cast<float>(kStep)); }

  double speed() const;  // [units/s] of the centre of mass

  RigidCar body;
  std::array<Wheel, RigidCar::kWheels> wheels;

 private:
  void apply_tyre(size_t wheel);

  CarScales scales_;
};

}  // namespace reverie::car_racing
