#include "envs/car_racing/observation.h"

#include <cmath>
#include <limits>
#include <numbers>

namespace reverie::car_racing {
namespace {

double wrapped(double angle) { return std::remainder(angle, 2.0 * std::numbers::pi); }

double distance_squared(Point a, Point b) {
  return (a.x - b.x) * (a.x - b.x) + (a.y - b.y) * (a.y - b.y);
}

}  // namespace

size_t nearest_point(const Track& track, Point p, size_t hint) {
  constexpr size_t kBehind = 6;
  constexpr size_t kWindow = 24;
  constexpr double kLost = 3.0 * kTrackHalfWidth;
  const size_t n = track.size();
  size_t nearest = hint;
  double least = std::numeric_limits<double>::infinity();
  const auto look = [&](size_t i) {
    const double d = distance_squared(track.points[i].position, p);
    if (d < least) {
      least = d;
      nearest = i;
    }
  };
  for (size_t k = 0; k < kWindow; ++k) look((hint + n - kBehind % n + k) % n);
  if (least > kLost * kLost) {
    for (size_t i = 0; i < n; ++i) look(i);
  }
  return nearest;
}

StateObservation observe_state(const Track& track, size_t nearest, const Car& car) {
  StateObservation out{};
  const size_t n = track.size();
  const Vec2 origin = car.hull_position();
  const double angle = car.body.hull.angle;
  const Point right = {std::cos(angle), std::sin(angle)};
  const Point forward = {-right.y, right.x};
  const auto to_car = [&](double x, double y, float* out2) {
    out2[0] = static_cast<float>(x * right.x + y * right.y);
    out2[1] = static_cast<float>(x * forward.x + y * forward.y);
  };
  out.position[0] = origin.x;
  out.position[1] = origin.y;
  out.heading[0] = static_cast<float>(right.x);
  out.heading[1] = static_cast<float>(right.y);
  to_car(car.body.hull.velocity.x, car.body.hull.velocity.y, out.velocity);
  out.angular_velocity = car.body.hull.angular_velocity;
  for (size_t i = 0; i < 4; ++i) {
    out.wheel_omega[i] = static_cast<float>(car.wheels[i].omega);
    out.wheel_on_road[i] = car.wheels[i].on_road ? 1.0F : 0.0F;
  }
  out.steering_angle = car.body.hinge_angle(0);
  out.gas = static_cast<float>(car.wheels[2].gas);

  const TrackPoint& here = track.points[nearest];
  out.lateral_offset = static_cast<float>((origin.x - here.position.x) * std::cos(here.beta) +
                                          (origin.y - here.position.y) * std::sin(here.beta));
  out.heading_error = static_cast<float>(wrapped(angle - here.beta));
  for (size_t k = 0; k < StateObservation::kAhead; ++k) {
    const size_t i = (nearest + (k + 1) * StateObservation::kTilesBetween) % n;
    const TrackPoint& point = track.points[i];
    to_car(point.position.x - origin.x, point.position.y - origin.y, out.ahead[k]);
    // The turn since the previous observed point, so that no bend between the two is missed.
    const TrackPoint& last = track.points[(nearest + k * StateObservation::kTilesBetween) % n];
    out.ahead[k][2] = static_cast<float>(wrapped(point.beta - last.beta) /
                                         (StateObservation::kTilesBetween * kTrackStep));
  }
  return out;
}

}  // namespace reverie::car_racing
