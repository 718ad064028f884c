#pragma once

#include <array>

#include "envs/car_racing/observation.h"

namespace reverie::car_racing {

// What the scripted driver knows of the car. Defaults are tuned on tracks of the seeds 1000 to
// 1099.
struct DriverSettings {
  double lookahead = 5.0;        // [units] to the point that it steers for, standing
  double lookahead_time = 0.10;  // [s] more with speed
  double lateral_limit = 135.0;  // [units/s^2] in bends
  double braking = 80.0;         // [units/s^2] that the speed profile counts on
  double top_speed = 100.0;      // [units/s]
  double gas_gain = 0.12;        // gas per unit/s below the wanted speed
  double brake_gain = 0.03;      // brake per unit/s above it
  double greatest_gas = 1.0;
};

// A scripted driver: pure pursuit of a point on the centre line (Coulter 1992) under a speed
// profile that bends and braking distances limit. Returns steering, gas and brake as `car-racing`
// takes them. It needs the state observation alone, and is the yardstick for learned policies.
std::array<float, 3> drive(const StateObservation& observation,
                           const DriverSettings& settings = {});

// The same for `car-racing-discrete`: the action nearest to what drive() wants.
int64_t drive_discrete(const StateObservation& observation, const DriverSettings& settings = {});

}  // namespace reverie::car_racing
