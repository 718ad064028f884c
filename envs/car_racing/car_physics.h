#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <memory>

namespace reverie::car_racing {

// The bodies of a car and their motion, in float32 as in Box2D. Units are the reference's: the car
// is 5 units long.

struct Vec2 {
  float x = 0.0F;
  float y = 0.0F;
  friend Vec2 operator+(Vec2 a, Vec2 b) { return {a.x + b.x, a.y + b.y}; }
  friend Vec2 operator-(Vec2 a, Vec2 b) { return {a.x - b.x, a.y - b.y}; }
  friend Vec2 operator*(float s, Vec2 a) { return {s * a.x, s * a.y}; }
  bool operator==(const Vec2&) const = default;
};
inline float dot(Vec2 a, Vec2 b) { return a.x * b.x + a.y * b.y; }
inline float cross(Vec2 a, Vec2 b) { return a.x * b.y - a.y * b.x; }

struct Rotation {
  float s = 0.0F;
  float c = 1.0F;
  explicit Rotation(float angle) : s(std::sin(angle)), c(std::cos(angle)) {}
  Vec2 operator()(Vec2 v) const { return {c * v.x - s * v.y, s * v.x + c * v.y}; }
};

struct Body {
  Vec2 center = {};               // of mass, in the world
  float angle = 0.0F;             // [rad]
  Vec2 velocity = {};             // of the centre of mass [units/s]
  float angular_velocity = 0.0F;  // [rad/s]
  Vec2 force = {};                // on the centre of mass, during the next step
  float sleep_time = 0.0F;        // [s] time with hardly any motion
};

enum class Limit : uint8_t { kInactive, kAtLower, kAtUpper };

// A wheel's hinge: a revolute joint with a motor and limits on the angle.
struct Hinge {
  float motor_speed = 0.0F;  // [rad/s] of the wheel relative to the hull
  // What the last step applied; the next step starts from it.
  Vec2 impulse = {};
  float limit_impulse = 0.0F;  // positive at the lower limit, negative at the upper one
  float motor_impulse = 0.0F;
  Limit limit = Limit::kInactive;
};

// A hull and four wheels: everything that a physics step depends on and changes.
struct CarBodies {
  static constexpr size_t kWheels = 4;

  Body hull;
  std::array<Body, kWheels> wheels;
  std::array<Hinge, kWheels> hinges;

  // Angle of the wheel relative to the hull [rad], left positive.
  float hinge_angle(size_t wheel) const { return wheels[wheel].angle - hull.angle; }
};

struct BodyMass {
  float mass = 0.0F;
  float inertia = 0.0F;  // about the centre of mass
  Vec2 center = {};      // of mass, in the body's frame
};

// The constants of a car.
struct CarDefinition {
  BodyMass hull;
  BodyMass wheel;                                // of each; its centre of mass is its hinge
  std::array<Vec2, CarBodies::kWheels> anchors;  // the hinges in the hull's frame
  float lower_angle = 0.0F;                      // [rad] of every hinge
  float upper_angle = 0.0F;
  float max_motor_torque = 0.0F;  // of every hinge
};

// The physics engine that moves a car.
enum class PhysicsEngine : uint8_t { kNative, kBox2d };

// Moves the bodies of one car. The road only senses the car, so nothing else pushes it. A step
// depends on `bodies` alone, not on what was stepped before: continuing from a copy of them is
// bit-equal.
class CarPhysics {
 public:
  static constexpr double kStep = 1.0 / 50.0;  // [s]
  // Upper limits per step, as the reference asks for.
  static constexpr int kVelocityIterations = 6 * 30;
  static constexpr int kPositionIterations = 2 * 30;

  virtual ~CarPhysics() = default;

  // Advances by kStep and clears the forces.
  virtual void step(CarBodies& bodies) = 0;
};

std::unique_ptr<CarPhysics> make_car_physics(PhysicsEngine engine, const CarDefinition& definition);

// Box2D's rule for bodies at rest: a car loses its remaining velocity when it has hardly moved for
// half a second and its hinges hold (`positions_solved`). It wakes at once, because tyres push it
// in every step.
void update_sleep(CarBodies& bodies, bool positions_solved);

}  // namespace reverie::car_racing
