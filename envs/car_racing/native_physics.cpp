#include "envs/car_racing/native_physics.h"

#include <algorithm>
#include <numbers>

namespace reverie::car_racing {
namespace {

// Box2D's settings (b2_settings.h).
constexpr float kPi = std::numbers::pi_v<float>;
constexpr float kLinearSlop = 0.005F;
constexpr float kAngularSlop = 2.0F / 180.0F * kPi;
constexpr float kMaxAngularCorrection = 8.0F / 180.0F * kPi;
constexpr float kMaxTranslation = 2.0F;  // per step
constexpr float kMaxRotation = 0.5F * kPi;

float inverse_or_zero(float x) { return x != 0.0F ? 1.0F / x : x; }

// A symmetric 2x2 matrix with its determinant's inverse.
struct Symmetric2 {
  float xx = 0.0F, xy = 0.0F, yy = 0.0F;
  float inverse_determinant = 0.0F;

  void invert() { inverse_determinant = inverse_or_zero(xx * yy - xy * xy); }
  Vec2 solve(Vec2 b) const {
    return {inverse_determinant * (yy * b.x - xy * b.y),
            inverse_determinant * (xx * b.y - xy * b.x)};
  }
};

struct Vec3 {
  float x = 0.0F, y = 0.0F, z = 0.0F;
};
float dot(Vec3 a, Vec3 b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
Vec3 cross(Vec3 a, Vec3 b) {
  return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}

// How strongly impulses at a hinge, which is the wheel's centre, change the gap it closes.
Symmetric2 point_mass(Vec2 arm, float inverse_mass, float hull_inverse_inertia) {
  Symmetric2 mass{.xx = inverse_mass + arm.y * arm.y * hull_inverse_inertia,
                  .xy = -arm.y * arm.x * hull_inverse_inertia,
                  .yy = inverse_mass + arm.x * arm.x * hull_inverse_inertia};
  mass.invert();
  return mass;
}

struct Motion {
  Vec2 velocity;
  float angular = 0.0F;
};

}  // namespace

// A hinge while velocities are solved: the step's constants, and copies of the variables, so that
// the compiler can keep them in registers.
struct NativePhysics::Constraint {
  Vec2 arm;  // from the hull's centre of mass to the hinge, in the world
  Symmetric2 point;
  float angular_mass;  // of the motor
  // A limit constrains point and angle together: the columns of a 3x3 matrix, with precomputed
  // values for its solution.
  Vec3 column_x, column_y, column_z, cross_yz;
  float inverse_determinant;
  float hull_inverse_mass, hull_inverse_inertia, wheel_inverse_mass, wheel_inverse_inertia;
  float max_motor_impulse;

  Hinge hinge;
  Motion wheel;

  // Applies a linear and an angular impulse at the hinge to both bodies, in opposite directions.
  void apply(Motion& hull, Vec2 impulse, float angular) {
    hull.velocity = hull.velocity - hull_inverse_mass * impulse;
    hull.angular -= hull_inverse_inertia * (cross(arm, impulse) + angular);
    wheel.velocity = wheel.velocity + wheel_inverse_mass * impulse;
    wheel.angular += wheel_inverse_inertia * angular;
  }

  void solve(Motion& hull) {
    const float slip = wheel.angular - hull.angular - hinge.motor_speed;
    const float motor = std::clamp(hinge.motor_impulse - angular_mass * slip, -max_motor_impulse,
                                   max_motor_impulse);
    const float change = motor - hinge.motor_impulse;
    hinge.motor_impulse = motor;
    hull.angular -= hull_inverse_inertia * change;
    wheel.angular += wheel_inverse_inertia * change;

    const Vec2 turning = {-hull.angular * arm.y, hull.angular * arm.x};
    const Vec2 error = wheel.velocity - hull.velocity - turning;
    if (hinge.limit != Limit::kInactive) [[unlikely]]
      return solve_limit(hull, error);
    const Vec2 impulse = point.solve({-error.x, -error.y});
    hinge.impulse = hinge.impulse + impulse;
    hull.velocity = hull.velocity - hull_inverse_mass * impulse;
    hull.angular -= hull_inverse_inertia * cross(arm, impulse);
    wheel.velocity = wheel.velocity + wheel_inverse_mass * impulse;
  }

  // Solves point and angle together; an angle that moves away from its limit is released.
  void solve_limit(Motion& hull, Vec2 point_error) {
    const Vec3 error = {point_error.x, point_error.y, wheel.angular - hull.angular};
    Vec2 impulse = {-(inverse_determinant * dot(error, cross_yz)),
                    -(inverse_determinant * dot(column_x, cross(error, column_z)))};
    float angular = -(inverse_determinant * dot(column_x, cross(column_y, error)));
    const float total = hinge.limit_impulse + angular;
    const bool released = hinge.limit == Limit::kAtLower ? total < 0.0F : total > 0.0F;
    if (released) {
      impulse = point.solve({-point_error.x + hinge.limit_impulse * column_z.x,
                             -point_error.y + hinge.limit_impulse * column_z.y});
      angular = -hinge.limit_impulse;
      hinge.limit_impulse = 0.0F;
    } else {
      hinge.limit_impulse = total;
    }
    hinge.impulse = hinge.impulse + impulse;
    apply(hull, impulse, angular);
  }
};

NativePhysics::NativePhysics(const CarDefinition& definition)
    : definition_(definition),
      hull_inverse_mass_(1.0F / definition.hull.mass),
      hull_inverse_inertia_(1.0F / definition.hull.inertia),
      wheel_inverse_mass_(1.0F / definition.wheel.mass),
      wheel_inverse_inertia_(1.0F / definition.wheel.inertia) {}

void NativePhysics::step(CarBodies& bodies) {
  constexpr auto dt = static_cast<float>(kStep);
  auto& [hull, wheels, hinges] = bodies;
  hull.velocity = hull.velocity + dt * (hull_inverse_mass_ * hull.force);
  for (Body& wheel : wheels) {
    wheel.velocity = wheel.velocity + dt * (wheel_inverse_mass_ * wheel.force);
  }
  solve_velocities(bodies);

  const auto move = [](Body& body) {
    const Vec2 translation = dt * body.velocity;
    if (dot(translation, translation) > kMaxTranslation * kMaxTranslation) {
      body.velocity = (kMaxTranslation / std::sqrt(dot(translation, translation))) * body.velocity;
    }
    const float rotation = dt * body.angular_velocity;
    if (rotation * rotation > kMaxRotation * kMaxRotation) {
      body.angular_velocity *= kMaxRotation / std::abs(rotation);
    }
    body.center = body.center + dt * body.velocity;
    body.angle += dt * body.angular_velocity;
    body.force = {};
  };
  move(hull);
  for (Body& wheel : wheels) move(wheel);

  bool solved = false;
  for (int i = 0; i < kPositionIterations && !solved; ++i) {
    solved = true;
    for (size_t wheel = CarBodies::kWheels; wheel-- > 0;)
      solved = solve_position(bodies, wheel) && solved;
  }
  update_sleep(bodies, solved);
}

void NativePhysics::solve_velocities(CarBodies& bodies) const {
  auto& [hull, wheels, hinges] = bodies;
  std::array<Constraint, CarBodies::kWheels> constraints;
  Motion motion = {hull.velocity, hull.angular_velocity};
  // Box2D visits the wheels from the last to the first.
  for (size_t i = CarBodies::kWheels; i-- > 0;) {
    constraints[i] = prepare(bodies, i);
    const Hinge& hinge = constraints[i].hinge;
    constraints[i].apply(motion, hinge.impulse, hinge.motor_impulse + hinge.limit_impulse);
  }
  for (int k = 0; k < kVelocityIterations; ++k) {
    for (size_t i = CarBodies::kWheels; i-- > 0;) constraints[i].solve(motion);
  }
  hull.velocity = motion.velocity;
  hull.angular_velocity = motion.angular;
  for (size_t i = 0; i < CarBodies::kWheels; ++i) {
    wheels[i].velocity = constraints[i].wheel.velocity;
    wheels[i].angular_velocity = constraints[i].wheel.angular;
    hinges[i] = constraints[i].hinge;
  }
}

NativePhysics::Constraint NativePhysics::prepare(const CarBodies& bodies, size_t i) const {
  const Body& hull = bodies.hull;
  const Body& wheel = bodies.wheels[i];
  Constraint out;
  const Vec2 arm = Rotation(hull.angle)(definition_.anchors[i] - definition_.hull.center);
  const float inertia = hull_inverse_inertia_;
  out.arm = arm;
  out.point = point_mass(arm, hull_inverse_mass_ + wheel_inverse_mass_, inertia);
  out.angular_mass = inverse_or_zero(inertia + wheel_inverse_inertia_);
  out.column_z = {-arm.y * inertia, arm.x * inertia, inertia + wheel_inverse_inertia_};
  out.column_x = {out.point.xx, out.point.xy, out.column_z.x};
  out.column_y = {out.point.xy, out.point.yy, out.column_z.y};
  out.cross_yz = cross(out.column_y, out.column_z);
  out.inverse_determinant = inverse_or_zero(dot(out.column_x, out.cross_yz));
  out.hull_inverse_mass = hull_inverse_mass_;
  out.hull_inverse_inertia = hull_inverse_inertia_;
  out.wheel_inverse_mass = wheel_inverse_mass_;
  out.wheel_inverse_inertia = wheel_inverse_inertia_;
  out.max_motor_impulse = static_cast<float>(kStep) * definition_.max_motor_torque;

  out.hinge = bodies.hinges[i];
  out.wheel = {wheel.velocity, wheel.angular_velocity};
  const float angle = wheel.angle - hull.angle;
  const Limit limit = angle <= definition_.lower_angle   ? Limit::kAtLower
                      : angle >= definition_.upper_angle ? Limit::kAtUpper
                                                         : Limit::kInactive;
  if (limit == Limit::kInactive || limit != out.hinge.limit) out.hinge.limit_impulse = 0.0F;
  out.hinge.limit = limit;
  return out;
}

// Moves hull and wheel towards each other; returns whether they were close enough before.
bool NativePhysics::solve_position(CarBodies& bodies, size_t i) const {
  Body& hull = bodies.hull;
  Body& wheel = bodies.wheels[i];
  const Limit limit = bodies.hinges[i].limit;
  float angle_error = 0.0F;
  if (limit != Limit::kInactive) {
    const float angle = wheel.angle - hull.angle;
    float correction = 0.0F;
    if (limit == Limit::kAtLower) {
      const float beyond = angle - definition_.lower_angle;
      angle_error = -beyond;
      correction = std::clamp(beyond + kAngularSlop, -kMaxAngularCorrection, 0.0F);
    } else {
      const float beyond = angle - definition_.upper_angle;
      angle_error = beyond;
      correction = std::clamp(beyond - kAngularSlop, 0.0F, kMaxAngularCorrection);
    }
    const float impulse =
        -inverse_or_zero(hull_inverse_inertia_ + wheel_inverse_inertia_) * correction;
    hull.angle -= hull_inverse_inertia_ * impulse;
    wheel.angle += wheel_inverse_inertia_ * impulse;
  }
  const Vec2 arm = Rotation(hull.angle)(definition_.anchors[i] - definition_.hull.center);
  const Vec2 gap = wheel.center - hull.center - arm;
  const Symmetric2 mass =
      point_mass(arm, hull_inverse_mass_ + wheel_inverse_mass_, hull_inverse_inertia_);
  const Vec2 solved = mass.solve(gap);
  const Vec2 impulse = {-solved.x, -solved.y};
  hull.center = hull.center - hull_inverse_mass_ * impulse;
  hull.angle -= hull_inverse_inertia_ * cross(arm, impulse);
  wheel.center = wheel.center + wheel_inverse_mass_ * impulse;
  return std::sqrt(dot(gap, gap)) <= kLinearSlop && angle_error <= kAngularSlop;
}

}  // namespace reverie::car_racing
