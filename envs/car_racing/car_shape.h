#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "drawing/coverage.h"
#include "envs/car_racing/car_physics.h"

namespace reverie::car_racing {

// The outlines of the car in its own frame, for physics, contacts and drawing (car_dynamics.py).
struct Outline {
  std::array<Point, 8> points;
  size_t count;
  std::span<const Point> view() const { return {points.data(), count}; }
};
inline constexpr double kSize = 0.02;  // world units of the reference's drawing units
inline constexpr double kWheelRadius = 27 * kSize;
inline constexpr double kWheelHalfWidth = 14 * kSize;
inline constexpr float kMaxSteer = 0.4F;  // [rad] of every hinge to both sides
const std::array<Outline, 4>& hull_outlines();
const std::array<Point, 4>& wheel_outline();

// Masses and hinges. hull_mass: multiple of the reference's.
CarDefinition car_definition(double hull_mass = 1.0);

}  // namespace reverie::car_racing
