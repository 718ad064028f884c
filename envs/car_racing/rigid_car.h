#pragma once

#include <array>
#include <cmath>
#include <cstdint>

namespace reverie::car_racing {

// The physics engine under the car, in float32 as Box2D has it.

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

struct BodyMass {
  float mass = 0.0F;
  float inertia = 0.0F;  // about the centre of mass
  Vec2 center = {};      // of mass, in the body's frame
};

struct Body {
  Vec2 center = {};               // of mass, in the world
  float angle = 0.0F;             // [rad]
  Vec2 velocity = {};             // of the centre of mass [units/s]
  float angular_velocity = 0.0F;  // [rad/s]
  Vec2 force = {};                // on the centre of mass, during the next step
  float sleep_time = 0.0F;        // [s] how long it has hardly moved
};

enum class Limit : uint8_t { kInactive, kAtLower, kAtUpper };

// A wheel's hinge: a revolute joint with a motor and limits on the angle.
struct Hinge {
  float motor_speed = 0.0F;  // [rad/s] of the wheel relative to the hull
  // What the last step applied; the next one starts from it.
  Vec2 impulse = {};
  float limit_impulse = 0.0F;
  float motor_impulse = 0.0F;
  Limit limit = Limit::kInactive;
};

// A hull and four wheels on hinges: what of Box2D 2.3.10 the reference's car needs, with the same
// arithmetic in the same order: semi-implicit Euler, sequential impulses with warm starting (180
// velocity and up to 60 position iterations), sleeping. Nothing else in the world pushes the car:
// the road only senses it.
//
// Why not Box2D itself: Debian's 2.4 treats joint limits in another way than the reference's 2.3
// (0.57 units apart after 400 steps of slalom), hides the impulses that a saved state needs, and
// spends a third of a step on machinery around these five bodies. What is left is a chain of
// dependent float operations, 180 times around the four hinges.
class RigidCar {
 public:
  static constexpr int kWheels = 4;
  // At most as many iterations a step, as the reference asks for.
  static constexpr int kVelocityIterations = 6 * 30;
  static constexpr int kPositionIterations = 2 * 30;

  // hull_mass, wheel_mass: of the bodies; a wheel's centre of mass is its hinge.
  // anchors: the hinges in the hull's frame. max_motor_torque: of each hinge's motor.
  RigidCar(const BodyMass& hull_mass, const BodyMass& wheel_mass,
           const std::array<Vec2, kWheels>& anchors, float lower_angle, float upper_angle,
           float max_motor_torque);

  // At rest, all bodies turned by `angle`.
  // quirk: the wheels start at their anchors as if the hull were not turned; the first step pulls
  // them into place.
  void place(double x, double y, double angle);

  // Advances by dt [s] and clears the forces.
  void step(float dt);

  // The hull's origin in the world.
  Vec2 hull_position() const;
  // Of the wheel against the hull [rad], left positive.
  float hinge_angle(int wheel) const {
    return wheels[static_cast<size_t>(wheel)].angle - hull.angle;
  }

  Body hull;
  std::array<Body, kWheels> wheels;
  std::array<Hinge, kWheels> hinges;

 private:
  struct Constraint;

  void solve_velocities(float dt);
  Constraint prepare(size_t wheel, float dt) const;
  bool solve_position(size_t wheel);
  void update_sleep(float dt, bool positions_solved);

  BodyMass hull_mass_;
  float hull_inverse_mass_, hull_inverse_inertia_;
  float wheel_inverse_mass_, wheel_inverse_inertia_;
  std::array<Vec2, kWheels> anchors_;
  float lower_angle_, upper_angle_;
  float max_motor_torque_;
};

}  // namespace reverie::car_racing
