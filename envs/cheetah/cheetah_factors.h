#pragma once

#include <vector>

#include "envs/factors.h"
#include "envs/mujoco_simulation.h"

namespace reverie::cheetah {

// Where each factor of variation stands in cheetah_factors().
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

// The factors of a cheetah, with the friction of its model's ground as that factor's default.
std::vector<Factor> cheetah_factors(const mjModel& model);

// Turns the model into what the values ask for; see MujocoSimulation::change_model().
void change_dynamics(mjModel& model, const FactorValues& values);

}  // namespace reverie::cheetah
