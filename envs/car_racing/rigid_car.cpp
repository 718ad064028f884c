#include "envs/car_racing/rigid_car.h"

#include <algorithm>
#include <numbers>

namespace reverie::car_racing {
namespace {

// Box2D's settings (b2_settings.h).
constexpr float kPi = std::numbers::pi_v<float>;
constexpr float kLinearSlop = 0.005F;
constexpr float kAngularSlop = 2.0F / 180.0F * kPi;
constexpr float kMaxAngularCorrection = 8.0F / 180.0F * kPi;
constexpr float kMaxTranslation = 2.0F;  // a step
constexpr float kMaxRotation = 0.5F * kPi;
constexpr float kTimeToSleep = 0.5F;  // [s]
constexpr float kLinearSleepTolerance = 0.01F;
constexpr float kAngularSleepTolerance = 2.0F / 180.0F * kPi;

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

// How much impulses at a hinge, which is the wheel's centre, change the distance that it bridges.
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

// A hinge while velocities are solved: what stays the same during the step, and copies of what
// changes, so that the compiler can keep it in registers.
struct RigidCar::Constraint {
  Vec2 arm;  // from the hull's centre of mass to the hinge, in the world
  Symmetric2 point;
  float angular_mass;  // of the motor
  // The limit holds point and angle together: the columns of a 3x3 matrix, with what solving it
  // needs.
  Vec3 column_x, column_y, column_z, cross_yz;
  float inverse_determinant;
  float hull_inverse_mass, hull_inverse_inertia, wheel_inverse_mass, wheel_inverse_inertia;
  float max_motor_impulse;

  Hinge hinge;
  Motion wheel;

  // Applies an impulse at the hinge and one that turns, against each other, to both bodies.
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

  // Point and angle at once; an angle that moves away from its limit is let go.
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

RigidCar::RigidCar(const BodyMass& hull_mass, const BodyMass& wheel_mass,
                   const std::array<Vec2, kWheels>& anchors, float lower_angle, float upper_angle,
                   float max_motor_torque)
    : hull_mass_(hull_mass),
      hull_inverse_mass_(1.0F / hull_mass.mass),
      hull_inverse_inertia_(1.0F / hull_mass.inertia),
      wheel_inverse_mass_(1.0F / wheel_mass.mass),
      wheel_inverse_inertia_(1.0F / wheel_mass.inertia),
      anchors_(anchors),
      lower_angle_(lower_angle),
      upper_angle_(upper_angle),
      max_motor_torque_(max_motor_torque) {}

void RigidCar::place(double x, double y, double angle) {
  const auto turned = static_cast<float>(angle);
  hull = {};
  hull.angle = turned;
  hull.center =
      Rotation(turned)(hull_mass_.center) + Vec2{static_cast<float>(x), static_cast<float>(y)};
  for (size_t i = 0; i < wheels.size(); ++i) {
    wheels[i] = {};
    wheels[i].angle = turned;
    wheels[i].center = {static_cast<float>(x + static_cast<double>(anchors_[i].x)),
                        static_cast<float>(y + static_cast<double>(anchors_[i].y))};
    hinges[i] = {};
  }
}

Vec2 RigidCar::hull_position() const {
  return hull.center - Rotation(hull.angle)(hull_mass_.center);
}

void RigidCar::step(float dt) {
  hull.velocity = hull.velocity + dt * (hull_inverse_mass_ * hull.force);
  for (Body& wheel : wheels) {
    wheel.velocity = wheel.velocity + dt * (wheel_inverse_mass_ * wheel.force);
  }
  solve_velocities(dt);

  const auto move = [dt](Body& body) {
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
    for (size_t wheel = kWheels; wheel-- > 0;) solved = solve_position(wheel) && solved;
  }
  update_sleep(dt, solved);
}

void RigidCar::solve_velocities(float dt) {
  std::array<Constraint, kWheels> constraints;
  Motion motion = {hull.velocity, hull.angular_velocity};
  // Box2D finds the wheels from the last one on.
  for (size_t i = kWheels; i-- > 0;) {
    constraints[i] = prepare(i, dt);
    const Hinge& hinge = constraints[i].hinge;
    constraints[i].apply(motion, hinge.impulse, hinge.motor_impulse + hinge.limit_impulse);
  }
  for (int k = 0; k < kVelocityIterations; ++k) {
    for (size_t i = kWheels; i-- > 0;) constraints[i].solve(motion);
  }
  hull.velocity = motion.velocity;
  hull.angular_velocity = motion.angular;
  for (size_t i = 0; i < kWheels; ++i) {
    wheels[i].velocity = constraints[i].wheel.velocity;
    wheels[i].angular_velocity = constraints[i].wheel.angular;
    hinges[i] = constraints[i].hinge;
  }
}

RigidCar::Constraint RigidCar::prepare(size_t i, float dt) const {
  const Body& wheel = wheels[i];
  Constraint out;
  const Vec2 arm = Rotation(hull.angle)(anchors_[i] - hull_mass_.center);
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
  out.max_motor_impulse = dt * max_motor_torque_;

  out.hinge = hinges[i];
  out.wheel = {wheel.velocity, wheel.angular_velocity};
  const float angle = wheel.angle - hull.angle;
  const Limit limit = angle <= lower_angle_   ? Limit::kAtLower
                      : angle >= upper_angle_ ? Limit::kAtUpper
                                              : Limit::kInactive;
  if (limit == Limit::kInactive || limit != out.hinge.limit) out.hinge.limit_impulse = 0.0F;
  out.hinge.limit = limit;
  return out;
}

// Moves hull and wheel towards each other; returns whether they were near enough before.
bool RigidCar::solve_position(size_t i) {
  Body& wheel = wheels[i];
  float angle_error = 0.0F;
  if (hinges[i].limit != Limit::kInactive) {
    const float angle = wheel.angle - hull.angle;
    float correction = 0.0F;
    if (hinges[i].limit == Limit::kAtLower) {
      const float beyond = angle - lower_angle_;
      angle_error = -beyond;
      correction = std::clamp(beyond + kAngularSlop, -kMaxAngularCorrection, 0.0F);
    } else {
      const float beyond = angle - upper_angle_;
      angle_error = beyond;
      correction = std::clamp(beyond - kAngularSlop, 0.0F, kMaxAngularCorrection);
    }
    const float impulse =
        -inverse_or_zero(hull_inverse_inertia_ + wheel_inverse_inertia_) * correction;
    hull.angle -= hull_inverse_inertia_ * impulse;
    wheel.angle += wheel_inverse_inertia_ * impulse;
  }
  const Vec2 arm = Rotation(hull.angle)(anchors_[i] - hull_mass_.center);
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

// A car that has hardly moved for half a second loses its last velocity. It wakes at once: the
// tyres push it in every step.
void RigidCar::update_sleep(float dt, bool positions_solved) {
  float least = kTimeToSleep;
  const auto rest = [&](Body& body) {
    const bool moves =
        body.angular_velocity * body.angular_velocity >
            kAngularSleepTolerance * kAngularSleepTolerance ||
        dot(body.velocity, body.velocity) > kLinearSleepTolerance * kLinearSleepTolerance;
    body.sleep_time = moves ? 0.0F : body.sleep_time + dt;
    least = std::min(least, body.sleep_time);
  };
  rest(hull);
  for (Body& wheel : wheels) rest(wheel);
  if (least < kTimeToSleep || !positions_solved) return;
  const auto stop = [](Body& body) {
    body.velocity = {};
    body.angular_velocity = 0.0F;
    body.sleep_time = 0.0F;
  };
  stop(hull);
  for (Body& wheel : wheels) stop(wheel);
}

}  // namespace reverie::car_racing
