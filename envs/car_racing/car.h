#pragma once

#include <array>
#include <memory>

#include "envs/car_racing/car_physics.h"
#include "envs/car_racing/car_shape.h"

namespace reverie::car_racing {

// What factors of variation may change; 1 is the reference's value.
struct CarScales {
  double engine_power = 1.0;
  double hull_mass = 1.0;
  double road_friction = 1.0;
  double grass_friction = 1.0;
};

// The state of one wheel apart from its body: drive, brake, steering.
struct Wheel {
  double gas = 0.0;    // [0, 1], rises by at most 0.1 a step
  double brake = 0.0;  // not clipped; from 0.9 on the wheel locks
  double steer = 0.0;  // [rad] target of the hinge
  double omega = 0.0;  // [rad/s]
  double phase = 0.0;  // [rad] how far it has rolled
  bool on_road = false;
  bool skids = false;  // the tyre asked for more than twice its grip in the last step
};

// The reference's car (Gymnasium 1.4.0, car_dynamics.py): front wheels steer, rear wheels drive,
// all brake; each tyre pushes its body as far as its friction allows. Wheels 0 and 1 are front left
// and right, 2 and 3 rear left and right.
class Car {
 public:
  static constexpr double kStep = CarPhysics::kStep;  // [s]

  explicit Car(const CarScales& scales = {}, PhysicsEngine engine = PhysicsEngine::kNative);

  // Places the car at rest with its origin at (x, y) and the front towards (-sin angle, cos angle).
  // quirk: the wheels start at their anchors as if the hull were not turned; the first step pulls
  // them into place.
  void place(double x, double y, double angle);

  // Inputs of the next steps. steer: left is positive; the reference passes minus the action.
  void steer(double target);
  void gas(double gas);  // clipped to [0, 1]
  void brake(double brake);

  // Engine, brakes and tyres; their forces act in the next move(). Uses each wheel's on_road.
  void apply_tyres();

  // Advances the bodies by kStep.
  void move() { physics_->step(body); }

  double speed() const;        // [units/s] of the centre of mass
  Vec2 hull_position() const;  // the hull's origin in the world

  CarBodies body;
  std::array<Wheel, CarBodies::kWheels> wheels;

 private:
  void apply_tyre(size_t wheel);

  CarDefinition definition_;
  CarScales scales_;
  std::unique_ptr<CarPhysics> physics_;
};

}  // namespace reverie::car_racing
