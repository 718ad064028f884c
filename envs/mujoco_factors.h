#pragma once

#include <mujoco/mujoco.h>

namespace reverie {

// Changes that factors of variation make in a MuJoCo model. Call them from
// MujocoSimulation::change_model(), which starts from the unchanged model and computes dependent
// constants afterwards.

// Scales mass and inertia of one body; its shape stays.
void scale_body_mass(mjModel& model, int body, double scale);

// Scales the damping of every joint that has damping.
void scale_joint_damping(mjModel& model, double scale);

// Scales the force of every motor for a given control.
void scale_motor_strength(mjModel& model, double scale);

// Gravity of `strength` [m/s^2] above ground that rises by `slope` [rad] along x. The ground stays
// the plane z = 0; gravity is tilted instead, which is equivalent.
void set_gravity(mjModel& model, double strength, double slope = 0.0);

// Sliding friction between the ground and everything else. MuJoCo uses the larger value of two
// geoms, so larger values of the others are lowered to the ground's.
void set_ground_friction(mjModel& model, int ground_geom, double friction);

}  // namespace reverie
