#include "envs/cheetah/cheetah_factors.h"

#include <cmath>
#include <numbers>

#include "envs/mujoco_factors.h"

namespace reverie::cheetah {
namespace {

constexpr int kFloor = 0;  // geom
constexpr int kTorso = 1;  // body

}  // namespace

std::vector<Factor> cheetah_factors(const mjModel& model) {
  const double friction = model.geom_friction[3 * kFloor];
  const double gravity = -model.opt.gravity[2];
  return {
      Factor::color("torso_color", "torso and head", {231, 141, 44}),
      Factor::color("limb_color", "legs; shins and feet are darker", {190, 97, 32}),
      Factor::color("ground_color", "ground; every other tile is darker", {118, 142, 96}),
      Factor::color("sky_color", "background", {196, 221, 240}),
      Factor::number("zoom", "magnification of the picture", 1.0, 0.6, 1.6),
      Factor::number("torso_mass", "mass of torso and head, times the reference's", 1.0, 0.5, 2.0,
                     true),
      Factor::number("friction", "sliding friction of the ground", friction, 0.1, 2.0, true),
      Factor::number("gravity", "gravity [m/s^2]", gravity, 4.0, 16.0, true),
      Factor::number("joint_damping", "damping of the joints, times the reference's", 1.0, 0.3, 3.0,
                     true),
      Factor::number("motor_strength", "torque of the motors, times the reference's", 1.0, 0.5, 1.5,
                     true),
      Factor::number("slope", "rise of the ground along x [degrees]", 0.0, -10.0, 10.0, true),
  };
}

void change_dynamics(mjModel& model, const FactorValues& values) {
  scale_body_mass(model, kTorso, values.number(kTorsoMass));
  scale_joint_damping(model, values.number(kJointDamping));
  scale_motor_strength(model, values.number(kMotorStrength));
  set_gravity(model, values.number(kGravity), values.number(kSlope) * std::numbers::pi / 180.0);
  if (values.chosen(kFriction)) set_ground_friction(model, kFloor, values.number(kFriction));
}

}  // namespace reverie::cheetah
