#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "envs/maze/maze_factors.h"
#include "envs/maze/maze_layout.h"
#include "envs/mujoco_simulation.h"

namespace reverie::maze {

// MJCF of one box of a wall: its centre at (centre, z) [m], its half sizes [m], and further
// attributes of the geom.
std::string wall_geom(const Position& centre, double z, const std::array<double, 3>& half_size,
                      std::string_view attributes);

// Compiles an MJCF file of assets/ after replacing each mark (such as "@WALLS@") by its text.
// `name` is the map's, for messages. Throws Error(kInput) for a file without one of the marks.
SharedModel compile_template(const std::string& asset,
                             const std::vector<std::pair<std::string, std::string>>& marks,
                             const std::string& name);

// Changes that factors of variation make in a model.
struct ModelChanges {
  double mass = 1.0;     // factor of all masses and inertias
  double damping = 1.0;  // factor of all joints' damping
  double gear = 1.0;     // factor of all motors' strength
  // Sliding friction of all geoms, and the radius [m] of the only sphere, whose mass stays; without
  // a value the model's own.
  std::optional<double> friction = {};
  std::optional<double> ball_radius = {};
};

// The changes that the factors of all mazes ask for, and whether any factor that changes a model
// was chosen.
ModelChanges model_changes(const FactorValues& values);
bool changes_model(const FactorValues& values);

// Gives the simulation its own model with these changes, whatever was changed before.
void change_model(MujocoSimulation& simulation, const ModelChanges& changes);

}  // namespace reverie::maze
