#pragma once

#include "envs/car_racing/car_physics.h"

namespace reverie::car_racing {

// The part of Box2D 2.3.10 that the reference's car needs, with the same arithmetic in the same
// order: semi-implicit Euler, sequential impulses with warm starting (180 velocity and up to 60
// position iterations), sleeping.
//
// Why not Box2D itself: Debian's 2.4 treats joint limits differently from the reference's 2.3 (0.57
// units apart after 400 steps of slalom), and spends a third of a step on overhead around these
// five bodies. The rest is a chain of dependent float operations, 180 times around the four hinges.
class NativePhysics final : public CarPhysics {
 public:
  explicit NativePhysics(const CarDefinition& definition);

  void step(CarBodies& bodies) override;

 private:
  struct Constraint;

  void solve_velocities(CarBodies& bodies) const;
  Constraint prepare(const CarBodies& bodies, size_t wheel) const;
  bool solve_position(CarBodies& bodies, size_t wheel) const;

  CarDefinition definition_;
  float hull_inverse_mass_, hull_inverse_inertia_;
  float wheel_inverse_mass_, wheel_inverse_inertia_;
};

}  // namespace reverie::car_racing
