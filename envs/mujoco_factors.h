#pragma once

#include <mujoco/mujoco.h>

namespace reverie {

// What factors of variation change about a MuJoCo model: to be called from
// MujocoSimulation::change_model(), which starts from the unchanged model and computes dependent
// constants afterwards.

// Mass and inertia of one body, with its shape as it is.
void scale_body_mass(mjModel& model, int body, double scale);

// Damping of every joint that has some.
void scale_joint_damping(mjModel& model, double scale);

// What every motor makes of its control.
void scale_motor_strength(mjModel& model, double scale);

// Gravity of `strength` [m/s^2] above ground that rises by `slope` [rad] along x. The ground stays
// the plane z = 0: gravity is turned instead, which is the same.
void set_gravity(mjModel& model, double strength, double slope = 0.0);

// Sliding friction between the ground and everything else. MuJoCo takes the larger value of two
// geoms, so those of the others are lowered to that of the ground.
void set_ground_friction(mjModel& model, int ground_geom, double friction);

}  // namespace reverie
