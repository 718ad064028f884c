#pragma once

#include <array>
#include <span>

#include <mujoco/mujoco.h>

#include "drawing/canvas.h"

namespace reverie::cheetah {

// The cheetah's seven bodies as a tree of hinges in the plane of x (forwards) and z (up). Computes
// their positions and velocities from qpos and qvel alone. MuJoCo's own results come from passes
// over its whole mjData (0.7 us a step instead of 0.15) and agree to rounding.
//
// Points are (x, z). Angles [rad] turn about the y axis as in MuJoCo: from the z axis towards the x
// axis, so that a positive angle lowers the head.
class PlanarTree {
 public:
  static constexpr size_t kBodies = 7;    // torso; back thigh, shin, foot; front thigh, shin, foot
  static constexpr size_t kCapsules = 8;  // torso, head, then the limbs in the bodies' order

  struct Pose {
    Point position;  // [m] of the body's hinge; of the torso's middle
    double angle = 0.0;
  };
  using Poses = std::array<Pose, kBodies>;

  struct Capsule {
    Point from, to;       // [m] ends of the axis
    double radius = 0.0;  // [m]
  };
  using Capsules = std::array<Capsule, kCapsules>;

  struct Motion {
    double speed = 0.0;             // [m/s] of the centre of mass along x
    double angular_momentum = 0.0;  // [kg m^2/s] about the centre of mass, axis y
  };

  // Takes lengths, masses and inertias from a model of assets/cheetah. Throws Error for a model
  // with another tree.
  explicit PlanarTree(const mjModel& model);

  // qpos, qvel: [9] root x, z and angle, then the six hinges.
  Poses poses(std::span<const double> qpos) const;
  Capsules capsules(const Poses& poses) const;
  Motion motion(std::span<const double> qpos, std::span<const double> qvel) const;

 private:
  struct Body {
    size_t parent = 0;     // of the torso: itself
    Point hinge;           // [m] in the parent's frame
    Point centre;          // [m] of mass, in its own frame
    double mass = 0.0;     // [kg]
    double inertia = 0.0;  // [kg m^2] about its centre of mass, axis y
  };
  struct Shape {
    size_t body = 0;
    Capsule capsule;  // in the body's frame
  };

  std::array<Body, kBodies> bodies_;
  std::array<Shape, kCapsules> shapes_;
  double mass_ = 0.0;  // [kg] of all
};

}  // namespace reverie::cheetah
