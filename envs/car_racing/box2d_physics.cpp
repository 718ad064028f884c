#include "envs/car_racing/box2d_physics.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>
#include <vector>

#include "envs/car_racing/bare_car.h"
#include "envs/car_racing/car_shape.h"

namespace reverie::car_racing {
namespace {

// Distance [rad] between a hinge's limit and Box2D's own limit behind it. A motor turns a hinge by
// 0.06 in a step, so only an impact gets there.
constexpr float kStopBehindLimit = 0.1F;

// Which bodies collide in the reference: wheels with hulls and obstacles, not with each other.
constexpr uint16_t kHullCategory = 0x0001;
constexpr uint16_t kHullMask = 0xffff;
constexpr uint16_t kWheelCategory = 0x0020;
constexpr uint16_t kWheelMask = 0x0001;

// Gives access to the impulses that b2RevoluteJoint shows only to derived classes.
struct HingeImpulses : b2RevoluteJoint {
  static b2Vec2& point(b2RevoluteJoint& joint) { return joint.*(&HingeImpulses::m_impulse); }
  static float& motor(b2RevoluteJoint& joint) { return joint.*(&HingeImpulses::m_motorImpulse); }
  static float& lower(b2RevoluteJoint& joint) { return joint.*(&HingeImpulses::m_lowerImpulse); }
  static float& upper(b2RevoluteJoint& joint) { return joint.*(&HingeImpulses::m_upperImpulse); }
};

// An outline relative to `origin` instead of the reference's origin.
void add_fixture(b2Body& body, std::span<const Point> outline, Vec2 origin, uint16_t category,
                 uint16_t mask) {
  std::array<b2Vec2, b2_maxPolygonVertices> corners;
  for (size_t i = 0; i < outline.size(); ++i) {
    corners[i].Set(static_cast<float>(outline[i].x) - origin.x,
                   static_cast<float>(outline[i].y) - origin.y);
  }
  b2PolygonShape shape;
  shape.Set(corners.data(), static_cast<int32>(outline.size()));
  b2FixtureDef fixture;
  fixture.shape = &shape;
  fixture.filter.categoryBits = category;
  fixture.filter.maskBits = mask;
  body.CreateFixture(&fixture);
}

void set_mass(b2Body& body, const BodyMass& mass) {
  b2MassData data;
  data.mass = mass.mass;
  data.center.SetZero();
  data.I = mass.inertia;
  body.SetMassData(&data);
}

void load_body(const Body& from, b2Body& to) {
  to.SetTransform({from.center.x, from.center.y}, from.angle);
  to.SetLinearVelocity({from.velocity.x, from.velocity.y});
  to.SetAngularVelocity(from.angular_velocity);
  to.ApplyForceToCenter({from.force.x, from.force.y}, true);
}

void store_body(const b2Body& from, Body& to) {
  to.center = {from.GetPosition().x, from.GetPosition().y};
  to.angle = from.GetAngle();
  to.velocity = {from.GetLinearVelocity().x, from.GetLinearVelocity().y};
  to.angular_velocity = from.GetAngularVelocity();
  to.force = {};
}

// Makes the world grow its lists of overlapping bounding-box pairs now instead of during an
// episode: a car has at most 28.
void grow_lists(b2World& world) {
  b2BodyDef definition;
  b2Body* body = world.CreateBody(&definition);
  b2CircleShape circle;
  circle.m_radius = 1.0F;
  for (int i = 0; i < 9; ++i) body->CreateFixture(&circle, 1.0F);  // 36 pairs
  world.Step(static_cast<float>(CarPhysics::kStep), 0, 0);
  world.DestroyBody(body);
}

}  // namespace

Box2dPhysics::Box2dPhysics(const CarDefinition& definition)
    : world_(b2Vec2(0.0F, 0.0F)),
      lower_angle_(definition.lower_angle),
      upper_angle_(definition.upper_angle) {
  world_.SetAllowSleeping(false);
  grow_lists(world_);
  b2BodyDef body;
  body.type = b2_dynamicBody;
  hull_ = world_.CreateBody(&body);
  for (const Outline& part : hull_outlines()) {
    add_fixture(*hull_, part.view(), definition.hull.center, kHullCategory, kHullMask);
  }
  set_mass(*hull_, definition.hull);
  for (size_t i = 0; i < wheels_.size(); ++i) {
    const Vec2 anchor = definition.anchors[i] - definition.hull.center;
    body.position.Set(anchor.x, anchor.y);
    wheels_[i] = world_.CreateBody(&body);
    add_fixture(*wheels_[i], wheel_outline(), {}, kWheelCategory, kWheelMask);
    set_mass(*wheels_[i], definition.wheel);
    b2RevoluteJointDef hinge;
    hinge.bodyA = hull_;
    hinge.bodyB = wheels_[i];
    hinge.localAnchorA.Set(anchor.x, anchor.y);
    hinge.enableMotor = true;
    hinge.enableLimit = true;
    hinge.maxMotorTorque = definition.max_motor_torque;
    hinge.lowerAngle = definition.lower_angle - kStopBehindLimit;
    hinge.upperAngle = definition.upper_angle + kStopBehindLimit;
    hinges_[i] = static_cast<b2RevoluteJoint*>(world_.CreateJoint(&hinge));
  }
}

void Box2dPhysics::step(CarBodies& bodies) {
  load(bodies);
  world_.Step(static_cast<float>(kStep), kVelocityIterations, kPositionIterations);
  store(bodies);
  // The world does not report whether the hinges hold, but those of a car at rest do.
  update_sleep(bodies, true);
}

float Box2dPhysics::limited_speed(float angle, float speed) const {
  constexpr auto kPerStep = static_cast<float>(1.0 / kStep);
  if (angle >= upper_angle_) {
    const float beyond = std::max(angle - upper_angle_ - b2_angularSlop, 0.0F);
    return std::min(speed, -kPerStep * beyond);
  }
  if (angle <= lower_angle_) {
    const float beyond = std::max(lower_angle_ - angle - b2_angularSlop, 0.0F);
    return std::max(speed, kPerStep * beyond);
  }
  return speed;
}

void Box2dPhysics::load(const CarBodies& bodies) {
  load_body(bodies.hull, *hull_);
  for (size_t i = 0; i < wheels_.size(); ++i) {
    load_body(bodies.wheels[i], *wheels_[i]);
    const Hinge& hinge = bodies.hinges[i];
    b2RevoluteJoint& joint = *hinges_[i];
    joint.SetMotorSpeed(limited_speed(bodies.hinge_angle(i), hinge.motor_speed));
    HingeImpulses::point(joint).Set(hinge.impulse.x, hinge.impulse.y);
    HingeImpulses::motor(joint) = hinge.motor_impulse;
    HingeImpulses::lower(joint) = std::max(hinge.limit_impulse, 0.0F);
    HingeImpulses::upper(joint) = std::max(-hinge.limit_impulse, 0.0F);
  }
}

void Box2dPhysics::store(CarBodies& bodies) const {
  store_body(*hull_, bodies.hull);
  for (size_t i = 0; i < wheels_.size(); ++i) {
    store_body(*wheels_[i], bodies.wheels[i]);
    Hinge& hinge = bodies.hinges[i];
    b2RevoluteJoint& joint = *hinges_[i];
    hinge.impulse = {HingeImpulses::point(joint).x, HingeImpulses::point(joint).y};
    hinge.motor_impulse = HingeImpulses::motor(joint);
    // One of them is zero: the limits are 0.8 rad apart.
    hinge.limit_impulse = HingeImpulses::lower(joint) - HingeImpulses::upper(joint);
    hinge.limit = hinge.limit_impulse > 0.0F   ? Limit::kAtLower
                  : hinge.limit_impulse < 0.0F ? Limit::kAtUpper
                                               : Limit::kInactive;
  }
}

double bare_car_rate(int threads, double seconds) {
  std::vector<double> rates(static_cast<size_t>(threads));
  const auto work = [&](size_t index) {
    constexpr int kEpisode = 1000;
    using Clock = std::chrono::steady_clock;
    const auto begin = Clock::now();
    double elapsed = 0.0;
    int64_t steps = 0;
    while (elapsed < seconds) {
      Box2dPhysics car(car_definition());
      for (int t = 0; t < kEpisode; ++t, ++steps) {
        // A slow slalom, kept moving by the rear wheels.
        for (size_t i = 0; i < 4; ++i) {
          const float target = i < 2 ? 0.3F * std::sin(0.05F * static_cast<float>(t)) : 0.0F;
          car.hinge(i).SetMotorSpeed(3.0F * (target - car.hinge(i).GetJointAngle()));
          if (i >= 2) car.wheel(i).ApplyForceToCenter(car.wheel(i).GetWorldVector({0, 40}), true);
        }
        car.world().Step(static_cast<float>(CarPhysics::kStep), CarPhysics::kVelocityIterations,
                         CarPhysics::kPositionIterations);
      }
      elapsed = std::chrono::duration<double>(Clock::now() - begin).count();
    }
    rates[index] = static_cast<double>(steps) / elapsed;
  };
  std::vector<std::thread> workers;
  for (size_t i = 1; i < rates.size(); ++i) workers.emplace_back(work, i);
  work(0);
  for (std::thread& worker : workers) worker.join();
  double sum = 0.0;
  for (const double rate : rates) sum += rate;
  return sum;
}

}  // namespace reverie::car_racing
