#pragma once

#include <array>

#include <box2d/box2d.h>

#include "envs/car_racing/car_physics.h"

namespace reverie::car_racing {

// The car in a Box2D 2.4 world of its own.
//
// Limits of hinges follow the reference's Box2D 2.3, which lets a wheel turn until it is at its
// limit; 2.4 holds it back in the step before, and a slalom then ends 9 units elsewhere instead of
// 0.01. So the motor imitates 2.3's limit, and Box2D's own limit lies a little behind it, for
// impacts that the motor does not stop.
//
// Box2D keeps part of its state private, so stepping from a copy of the bodies needs care:
//   - A body's origin is its centre of mass: SetTransform() then sets it without rounding.
//   - The impulses that hinges start from have no setters, but derived classes can reach them.
//   - Sleeping is counted here, because the time that a body has slept cannot be set.
//   - The world has stepped once without the car: its first step would discard the impulses.
// The tree of bounding boxes remembers earlier positions. That affects only the order of contacts,
// and nothing touches the car. With obstacles, the contacts' impulses and order become part of the
// state.
class Box2dPhysics final : public CarPhysics {
 public:
  explicit Box2dPhysics(const CarDefinition& definition);

  void step(CarBodies& bodies) override;

  // The motor speed [rad/s] of a hinge that should turn with `speed` at `angle`: at a limit it
  // turns no further, and a wheel beyond the limit by more than Box2D's slop is brought back in one
  // step.
  float limited_speed(float angle, float speed) const;

  b2World& world() { return world_; }
  b2Body& hull() { return *hull_; }
  b2Body& wheel(size_t i) { return *wheels_[i]; }
  b2RevoluteJoint& hinge(size_t i) { return *hinges_[i]; }

 private:
  void load(const CarBodies& bodies);
  void store(CarBodies& bodies) const;

  b2World world_;
  float lower_angle_, upper_angle_;
  b2Body* hull_ = nullptr;  // the world owns bodies and joints
  std::array<b2Body*, CarBodies::kWheels> wheels_{};
  std::array<b2RevoluteJoint*, CarBodies::kWheels> hinges_{};
};

}  // namespace reverie::car_racing
