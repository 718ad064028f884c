#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "core/spec.h"
#include "envs/car_racing/car.h"
#include "envs/car_racing/track.h"

namespace reverie::car_racing {

// The state observation: what a driver could measure without pixels. Lengths are in world units (a
// car is 5 long, the road 13.3 wide); right and forward are in the car's frame.
struct StateObservation {
  static constexpr size_t kAhead = 12;        // points of the centre line ahead
  static constexpr size_t kTilesBetween = 3;  // 10.5 units apart

  float position[2];       // of the car's origin in the world
  float heading[2];        // cos and sin of the hull's angle
  float velocity[2];       // [units/s] to the right, forward
  float angular_velocity;  // [rad/s] counter-clockwise
  float wheel_omega[4];    // [rad/s] front left, front right, rear left, rear right
  float wheel_on_road[4];  // 0 or 1
  float steering_angle;    // [rad] of the front left wheel, left positive
  float gas;               // [0, 1] of the rear wheels: it lags behind the action
  float lateral_offset;    // from the centre line, right positive
  float heading_error;     // [rad] of the hull relative to the road, left positive
  float ahead[kAhead][3];  // to the right, forward; curvature [rad/unit], left positive

  std::span<const float> values() const {
    return {reinterpret_cast<const float*>(this), sizeof(*this) / sizeof(float)};
  }
};
inline constexpr size_t kStateSize = sizeof(StateObservation) / sizeof(float);

// nearest: the index of the track point nearest to the car.
StateObservation observe_state(const Track& track, size_t nearest, const Car& car);

// The track point nearest to p. It searches around `hint` first, so that a car keeps to its own
// piece of road where the track comes close to itself; far from there it searches the whole track.
size_t nearest_point(const Track& track, Point p, size_t hint);

}  // namespace reverie::car_racing
