#include "envs/car_racing/driver.h"

#include <algorithm>
#include <cmath>

namespace reverie::car_racing {
namespace {

constexpr double kWheelbase = (80 + 82) * kSize;

// The centre line ahead in the car's frame, `distance` along it from the nearest point.
Point along(const StateObservation& observation, double distance) {
  constexpr double kSpacing = StateObservation::kTilesBetween * kTrackStep;
  const double offset = observation.lateral_offset;
  const double turned = observation.heading_error;
  Point previous = {-offset * std::cos(turned), offset * std::sin(turned)};
  double left = distance;
  for (const auto& ahead : observation.ahead) {
    const Point next = {ahead[0], ahead[1]};
    if (left <= kSpacing) {
      const double t = left / kSpacing;
      return {previous.x + t * (next.x - previous.x), previous.y + t * (next.y - previous.y)};
    }
    left -= kSpacing;
    previous = next;
  }
  return previous;
}

// The speed from which braking still reaches the speed of every bend ahead.
double wanted_speed(const StateObservation& observation, const DriverSettings& settings) {
  constexpr double kSpacing = StateObservation::kTilesBetween * kTrackStep;
  double wanted = settings.top_speed;
  for (size_t k = 0; k < StateObservation::kAhead; ++k) {
    const double curvature = std::max(std::abs(static_cast<double>(observation.ahead[k][2])), 1e-4);
    const double bend_squared = settings.lateral_limit / curvature;
    const double distance = static_cast<double>(k) * kSpacing;
    wanted = std::min(wanted, std::sqrt(bend_squared + 2.0 * settings.braking * distance));
  }
  return wanted;
}

}  // namespace

std::array<float, 3> drive(const StateObservation& observation, const DriverSettings& settings) {
  const double speed = observation.velocity[1];
  const Point target =
      along(observation, settings.lookahead + settings.lookahead_time * std::max(speed, 0.0));
  const double distance = std::max(std::hypot(target.x, target.y), 1.0);
  // The circle through the car and the target, and the wheel angle that follows it.
  const double curvature = 2.0 * target.x / (distance * distance);
  const double steering = std::atan(kWheelbase * curvature);

  const double missing = wanted_speed(observation, settings) - speed;
  const double gas = std::clamp(settings.gas_gain * missing, 0.0, settings.greatest_gas);
  const double brake = std::clamp(-settings.brake_gain * missing, 0.0, 0.8);
  return {static_cast<float>(std::clamp(steering, -1.0, 1.0)), static_cast<float>(gas),
          static_cast<float>(brake)};
}

int64_t drive_discrete(const StateObservation& observation, const DriverSettings& settings) {
  enum : int64_t { kNothing, kRight, kLeft, kGas, kBrake };
  constexpr float kDeadZone = 0.03F;  // [rad]
  const auto [steering, gas, brake] = drive(observation, settings);
  const float right = steering + observation.steering_angle;  // still to turn
  if (brake > 0.3F) return kBrake;
  if (std::abs(right) > kDeadZone) return right > 0.0F ? kRight : kLeft;
  return gas > 0.0F ? kGas : kNothing;
}

}  // namespace reverie::car_racing
