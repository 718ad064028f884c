#pragma once

#include <array>
#include <memory>

#include <box2d/box2d.h>

#include "envs/car_racing/car.h"

namespace reverie::car_racing {

// The car's bodies and hinges in a Box2D world of their own: a limit to measure against, and a
// second opinion on RigidCar. Debian's Box2D 2.4 differs where a hinge is at its limit.
class Box2dCar {
 public:
  // At rest with its origin at (x, y).
  Box2dCar(double x, double y, double angle);

  // The reference's iterations; forces are those applied to the bodies before.
  void step(float dt);

  b2Body& hull() { return *hull_; }
  b2Body& wheel(size_t i) { return *wheels_[i]; }
  b2RevoluteJoint& hinge(size_t i) { return *hinges_[i]; }

 private:
  std::unique_ptr<b2World> world_;
  b2Body* hull_ = nullptr;  // the world owns bodies and joints
  std::array<b2Body*, 4> wheels_{};
  std::array<b2RevoluteJoint*, 4> hinges_{};
};

}  // namespace reverie::car_racing
