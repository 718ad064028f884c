#include "envs/maze/maze_model.h"

#include <algorithm>

#include "core/assets.h"
#include "core/file.h"
#include "envs/mujoco_factors.h"

namespace reverie::maze {
namespace {

// Also updates the bounds of the broad and mid phase, which the compiler computed from the size.
void set_sphere_radius(mjModel& model, int geom, double radius) {
  model.geom_size[3 * geom] = radius;
  model.geom_rbound[geom] = radius;
  std::fill_n(model.geom_aabb + 6 * geom + 3, 3, radius);
  const int body = model.geom_bodyid[geom];
  if (model.body_geomnum[body] != 1) return;  // bounds of several geoms
  std::fill_n(model.bvh_aabb + 6 * model.body_bvhadr[body] + 3, 3, radius);
}

}  // namespace

std::string wall_geom(const Position& centre, double z, const std::array<double, 3>& half_size,
                      std::string_view attributes) {
  return fmt::format(R"(<geom type="box" pos="{} {} {}" size="{} {} {}" {}/>)", centre[0],
                     centre[1], z, half_size[0], half_size[1], half_size[2], attributes);
}

SharedModel compile_template(const std::string& asset,
                             const std::vector<std::pair<std::string, std::string>>& marks,
                             const std::string& name) {
  std::string mjcf = read_file(asset_path(asset), 1 << 20);
  for (const auto& [mark, text] : marks) {
    const size_t at = mjcf.find(mark);
    REVERIE_CHECK(at != std::string::npos, "assets/{}: has no mark {}", asset, mark);
    mjcf.replace(at, mark.size(), text);
  }
  return compile_model(mjcf, name);
}

ModelChanges model_changes(const FactorValues& values) {
  return {.mass = values.number(kMassScale),
          .damping = values.number(kDampingScale),
          .gear = values.number(kGearScale)};
}

bool changes_model(const FactorValues& values) {
  for (size_t factor = kMassScale; factor < values.plan().factors().size(); ++factor) {
    if (values.chosen(factor)) return true;
  }
  return false;
}

void change_model(MujocoSimulation& simulation, const ModelChanges& changes) {
  simulation.change_model([&](mjModel& model) {
    for (int body = 0; body < model.nbody; ++body) scale_body_mass(model, body, changes.mass);
    scale_joint_damping(model, changes.damping);
    scale_motor_strength(model, changes.gear);
    for (int geom = 0; geom < model.ngeom; ++geom) {
      if (changes.friction) model.geom_friction[3 * geom] = *changes.friction;
      if (changes.ball_radius && model.geom_type[geom] == mjGEOM_SPHERE) {
        set_sphere_radius(model, geom, *changes.ball_radius);
      }
    }
  });
}

}  // namespace reverie::maze
