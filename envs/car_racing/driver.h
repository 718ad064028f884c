#pragma once

#include <array>

#include "envs/car_racing/observation.h"

namespace reverie::car_racing {

// Settings of the scripted driver. Defaults are tuned on the tracks of seeds 1000 to 1099.
struct DriverSettings {
  double lookahead = 5.0;        // [units] distance of the target point at standstill
  double lookahead_time = 0.10;  // [s] added times the speed
  double lateral_limit = 135.0;  // [units/s^2] in bends
  double braking = 80.0;         // [units/s^2] assumed by the speed profile
  double top_speed = 100.0;      // [units/s]
  double gas_gain = 0.12;        // gas per unit/s below the wanted speed
  double brake_gain = 0.03;      // brake per unit/s above it
  double greatest_gas = 1.0;
};

// A scripted driver: pure pursuit of a point on the centre line (Coulter 1992), with a speed
// profile limited by bends and braking distances. Returns steering, gas and brake as `car-racing`
// takes them. It needs only the state observation, and is the yardstick for learned policies.
std::array<float, 3> drive(const StateObservation& observation,
                           const DriverSettings& settings = {});

// Likewise for `car-racing-discrete`: the action nearest to drive()'s.
int64_t drive_discrete(const StateObservation& observation, const DriverSettings& settings = {});

}  // namespace reverie::car_racing
