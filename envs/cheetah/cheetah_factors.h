#pragma once

#include <vector>

#include "envs/factors.h"
#include "envs/mujoco_simulation.h"

namespace reverie::cheetah {

// The position of each factor of variation in cheetah_factors().
enum CheetahFactor : size_t {
  kTorsoColor,
  kLimbColor,
  kGroundColor,
  kSkyColor,
  kZoom,
  kTorsoMass,
  kFriction,
  kGravity,
  kJointDamping,
  kMotorStrength,
  kSlope,
};

// The factors of a cheetah. The default friction is that of the model's ground.
std::vector<Factor> cheetah_factors(const mjModel& model);

// Changes the model to the given values; see MujocoSimulation::change_model().
void change_dynamics(mjModel& model, const FactorValues& values);

}  // namespace reverie::cheetah
