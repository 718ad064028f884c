#include "envs/mujoco_factors.h"

#include <algorithm>
#include <cmath>

namespace reverie {

void scale_body_mass(mjModel& model, int body, double scale) {
  model.body_mass[body] *= scale;
  for (int axis = 0; axis < 3; ++axis) model.body_inertia[3 * body + axis] *= scale;
}

void scale_joint_damping(mjModel& model, double scale) {
  for (int dof = 0; dof < model.nv; ++dof) model.dof_damping[dof] *= scale;
}

void scale_motor_strength(mjModel& model, double scale) {
  for (int i = 0; i < 6 * model.nu; ++i) model.actuator_gear[i] *= scale;
}

void set_gravity(mjModel& model, double strength, double slope) {
  model.opt.gravity[0] = -strength * std::sin(slope);
  model.opt.gravity[1] = 0.0;
  model.opt.gravity[2] = -strength * std::cos(slope);
}

void set_ground_friction(mjModel& model, int ground_geom, double friction) {
  for (int geom = 0; geom < model.ngeom; ++geom) {
    mjtNum& sliding = model.geom_friction[3 * geom];
    sliding = geom == ground_geom ? friction : std::min(sliding, friction);
  }
}

}  // namespace reverie
