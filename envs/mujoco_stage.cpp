#include "envs/mujoco_stage.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "envs/mujoco_guard.h"

namespace reverie {
namespace {

constexpr double kFieldOfView = 45.0;  // [degrees] vertical; the default of vis.global.fovy

// Lengths are for a camera one metre away; compile_stage() scales them.
constexpr const char* kStage = R"(<mujoco model="stage">
  <statistic extent="1"/>
  <visual>
    <global fovy="45"/>
    <headlight ambient="0.46 0.46 0.48" diffuse="0.14 0.14 0.14" specular="0 0 0"/>
    <map znear="0.02" zfar="12" haze="0.35"/>
    <quality shadowsize="2048" offsamples="4" numslices="32" numstacks="20"/>
    <rgba haze="0.83 0.88 0.93 1"/>
  </visual>
  <asset>
    <texture name="sky" type="skybox" builtin="gradient" rgb1="0.83 0.88 0.93"
             rgb2="0.26 0.47 0.74" width="256" height="1536"/>
    <texture name="tiles" type="2d" builtin="checker" rgb1="0.80 0.82 0.83" rgb2="0.72 0.74 0.76"
             width="512" height="512"/>
    <material name="floor" texture="tiles" texuniform="true" texrepeat="1 1" specular="0"
              shininess="0" reflectance="0"/>
  </asset>
  <worldbody>
    <light type="directional" castshadow="true" dir="-0.45 0.55 -1" diffuse="0.62 0.6 0.56"
           specular="0.25 0.25 0.25" ambient="0 0 0"/>
    <geom name="floor" type="plane" size="0 0 1" material="floor"/>
  </worldbody>
</mujoco>)";

// Colours for geoms with MuJoCo's default colour, which means that the model defines none.
using Rgba = std::array<float, 4>;
constexpr Rgba kDefaultColor = {0.5F, 0.5F, 0.5F, 1.0F};
constexpr Rgba kWallColor = {0.38F, 0.48F, 0.62F, 1.0F};
constexpr Rgba kBodyColor = {0.88F, 0.42F, 0.18F, 1.0F};
constexpr Rgba kGoalColor = {0.16F, 0.65F, 0.30F, 1.0F};
constexpr Rgba kGoalBeamColor = {0.16F, 0.65F, 0.30F, 0.12F};
constexpr double kGoalRadius = 0.45;  // [m] about the value of the goal tasks (0.45 or 0.5)

struct Box {
  Vector3 low, high;

  Box() {
    low.fill(std::numeric_limits<double>::infinity());
    high.fill(-std::numeric_limits<double>::infinity());
  }
  bool empty() const { return low[0] > high[0]; }
  double centre(size_t k) const { return 0.5 * (low[k] + high[k]); }
  double radius() const {
    return 0.5 * std::hypot(high[0] - low[0], high[1] - low[1], high[2] - low[2]);
  }
  void add(const Box& other) {
    for (size_t k = 0; k < 3; ++k) {
      low[k] = std::min(low[k], other.low[k]);
      high[k] = std::max(high[k], other.high[k]);
    }
  }
};

// The axis-parallel box around a geom, from its own box in its own frame.
Box box_of(const mjModel& model, const mjData& data, int geom) {
  const double* own = model.geom_aabb + 6 * geom;  // centre, half sides
  const double* rotation = data.geom_xmat + 9 * geom;
  Box box;
  for (size_t k = 0; k < 3; ++k) {
    const double* row = rotation + 3 * k;
    const double centre = data.geom_xpos[3 * static_cast<size_t>(geom) + k] + row[0] * own[0] +
                          row[1] * own[1] + row[2] * own[2];
    const double half =
        std::abs(row[0]) * own[3] + std::abs(row[1]) * own[4] + std::abs(row[2]) * own[5];
    box.low[k] = centre - half;
    box.high[k] = centre + half;
  }
  return box;
}

bool is_level_plane(const mjModel& model, const mjData& data, int geom) {
  return model.geom_type[geom] == mjGEOM_PLANE && data.geom_xmat[9 * geom + 8] > 0.999;
}

// A body attached to the world by joints moves everything attached to it.
int first_moving_body(const mjModel& model) {
  for (int body = 1; body < model.nbody; ++body) {
    if (model.body_weldid[body] != 0) return body;
  }
  return 0;
}

// No joint of the body moves or rotates it out of the x-z plane.
bool moves_in_xz_plane(const mjModel& model, int body) {
  const int begin = model.body_jntadr[body];
  for (int joint = begin; joint < begin + model.body_jntnum[body]; ++joint) {
    const double* axis = model.jnt_axis + 3 * joint;
    const bool slides = model.jnt_type[joint] == mjJNT_SLIDE && std::abs(axis[1]) < 1e-6;
    const bool turns = model.jnt_type[joint] == mjJNT_HINGE && std::abs(axis[1]) > 1.0 - 1e-6;
    if (!slides && !turns) return false;
  }
  return true;
}

double dot(const Vector3& a, const Vector3& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

// Moves target and distance of a camera so that the box just fills the picture, except for a
// margin.
// A point at (r, u, f) along the camera's right, up and forward axes from the target is visible
// when |u - u0| <= t (distance + f), with t the tangent of half the field of view; likewise for r
// with t * aspect. For each axis the two binding sides give the shift u0 and the least distance.
void frame_box(const Box& box, double aspect, CameraPlan& camera) {
  constexpr double kMargin = 0.94;  // of the picture's sides
  const double azimuth = camera.azimuth * std::numbers::pi / 180.0;
  const double elevation = camera.elevation * std::numbers::pi / 180.0;
  const Vector3 forward = {std::cos(elevation) * std::cos(azimuth),
                           std::cos(elevation) * std::sin(azimuth), std::sin(elevation)};
  const Vector3 right = {std::sin(azimuth), -std::cos(azimuth), 0.0};
  const Vector3 up = {-std::sin(elevation) * std::cos(azimuth),
                      -std::sin(elevation) * std::sin(azimuth), std::cos(elevation)};
  const double tangent = kMargin * std::tan(0.5 * kFieldOfView * std::numbers::pi / 180.0);
  for (size_t k = 0; k < 3; ++k) camera.target[k] = box.centre(k);
  camera.distance = 0.0;
  for (const auto& [axis, slope] : {std::pair(right, tangent * aspect), std::pair(up, tangent)}) {
    double above = -std::numeric_limits<double>::infinity();
    double below = above;
    for (size_t corner = 0; corner < 8; ++corner) {
      Vector3 point;
      for (size_t k = 0; k < 3; ++k) {
        point[k] = ((corner >> k & 1) != 0 ? box.high[k] : box.low[k]) - box.centre(k);
      }
      above = std::max(above, dot(point, axis) / slope - dot(point, forward));
      below = std::max(below, -dot(point, axis) / slope - dot(point, forward));
    }
    const double shift = 0.5 * (above - below) * slope;
    for (size_t k = 0; k < 3; ++k) camera.target[k] += shift * axis[k];
    camera.distance = std::max(camera.distance, 0.5 * (above + below));
  }
}

CameraPlan plan_from(const mjModel& model, const mjData& data, double aspect) {
  const int subject = first_moving_body(model);
  Box moving, fixed;
  double floor = std::numeric_limits<double>::infinity();
  for (int geom = 0; geom < model.ngeom; ++geom) {
    if (model.geom_type[geom] == mjGEOM_PLANE) {
      if (is_level_plane(model, data, geom)) floor = data.geom_xpos[3 * geom + 2];
      continue;
    }
    (model.body_weldid[model.geom_bodyid[geom]] == 0 ? fixed : moving)
        .add(box_of(model, data, geom));
  }
  if (std::isinf(floor)) floor = std::min({fixed.low[2], moving.low[2], 0.0});

  CameraPlan camera{.floor = floor};
  if (moving.empty()) moving = fixed;
  const bool arena = !fixed.empty() && fixed.radius() > 2.0 * moving.radius();
  if (moving.empty()) {
    camera.distance = 5.0;
  } else if (arena) {
    camera.elevation = -62.0;
    fixed.add(moving);
    frame_box(fixed, aspect, camera);
    camera.shown_radius = fixed.radius();
  } else {
    const bool planar = subject != 0 && moves_in_xz_plane(model, subject);
    camera.follows = subject;
    camera.azimuth = planar ? 90.0 : 112.0;
    camera.elevation = planar ? -12.0 : -24.0;
    camera.shown_radius = moving.radius();
    for (size_t k = 0; k < 3; ++k) camera.target[k] = moving.centre(k);
    // Room for jumps, and for the ground that shows the speed.
    camera.distance = 3.8 * moving.radius() / std::min(aspect, 1.0);
  }
  return camera;
}

std::array<int, 3> size_of(const mjModel& model) {
  return {static_cast<int>(model.nbody), static_cast<int>(model.ngeom),
          static_cast<int>(model.nsite)};
}

// Meshes, height fields and skins live in the OpenGL context, which belongs to the stage.
void check_shapes(const mjModel& model) {
  REVERIE_CHECK(model.nmesh == 0 && model.nhfield == 0 && model.nskin == 0 && model.nflex == 0,
                "MuJoCo renderer: the model has {} meshes, {} height fields, {} skins and {} "
                "flexes; it draws primitive shapes only (boxes, capsules, ...)",
                model.nmesh, model.nhfield, model.nskin, model.nflex);
}

// The stage, scaled to a camera at that distance.
std::unique_ptr<mjModel, MjModelDeleter> compile_stage(const CameraPlan& camera, int width,
                                                       int height) {
  std::unique_ptr<mjModel, MjModelDeleter> stage(
      mj_copyModel(nullptr, compile_model(kStage, "stage").get()));
  REVERIE_CHECK_RUN(stage != nullptr, "MuJoCo renderer: no memory for the stage");
  stage->vis.global.offwidth = width;
  stage->vis.global.offheight = height;
  stage->stat.extent = camera.distance;
  // Tiles with a side of a power of two [m], about ten across the picture, so that speeds can be
  // estimated.
  const double tile = std::exp2(std::round(std::log2(camera.distance / 8.0)));
  for (int k = 0; k < 2; ++k) stage->mat_texrepeat[k] = static_cast<float>(1.0 / tile);
  return stage;
}

}  // namespace

CameraPlan plan_camera(const mjModel& model, double aspect) {
  const std::unique_ptr<mjData, MjDataDeleter> data(mj_makeData(&model));
  REVERIE_CHECK_RUN(data != nullptr, "MuJoCo renderer: no memory for the model's data");
  guard_mujoco([&model, d = data.get()] { mj_kinematics(&model, d); });
  return plan_from(model, *data, aspect);
}

MujocoStage::MujocoStage(const mjModel& model, int width, int height)
    : size_(size_of(model)),
      camera_(plan_camera(model, static_cast<double>(width) / height)),
      stage_(compile_stage(camera_, width, height)),
      stage_data_(mj_makeData(stage_.get())),
      scene_(std::make_unique<mjvScene>()) {
  check_shapes(model);
  REVERIE_CHECK_RUN(stage_data_ != nullptr, "MuJoCo renderer: no memory for the stage");
  mjv_defaultOption(&option_);
  mjv_defaultScene(scene_.get());
  // Each geom and site needs one; the rest is for the stage itself and for rare elements (tendons,
  // cameras). A full scene leaves the last ones out.
  constexpr int kOthers = 256;
  guard_mujoco([this, &model] {
    mj_kinematics(stage_.get(), stage_data_.get());
    mj_camlight(stage_.get(), stage_data_.get());
    stage_data_->geom_xpos[2] = camera_.floor;
    mjv_makeScene(&model, scene_.get(), size_[1] + size_[2] + kOthers);
  });
}

MujocoStage::~MujocoStage() { mjv_freeScene(scene_.get()); }

double MujocoStage::shadow_radius() const {
  // A followed body may stretch, jump and leave the middle.
  return camera_.follows != 0 ? 2.5 * camera_.shown_radius : 1.1 * camera_.shown_radius;
}

mjvScene& MujocoStage::compose(const mjModel& model, mjData& data, const RenderView& view) {
  const std::array<int, 3> size = size_of(model);
  REVERIE_CHECK(size == size_,
                "MuJoCo renderer: a model of {} bodies, {} geoms, {} sites, expected {}, {}, {}: a "
                "renderer belongs to one model",
                size[0], size[1], size[2], size_[0], size_[1], size_[2]);
  guard_mujoco([&] {
    aim(data);
    // The camera is already set; this object does not change it.
    mjvCamera keep;
    mjv_defaultCamera(&keep);
    keep.type = mjCAMERA_USER;
    mjv_updateScene(&model, &data, &option_, nullptr, &keep, mjCAT_ALL, scene_.get());
    dress(model);
    mjvPerturb none;
    mjv_defaultPerturb(&none);
    mjv_addGeoms(stage_.get(), stage_data_.get(), &option_, &none, mjCAT_ALL, scene_.get());
    lay_floor();
    if (view.goal) add_goal(*view.goal);
    mjv_makeLights(stage_.get(), stage_data_.get(), scene_.get());
  });
  return *scene_;
}

// Camera and sun for this frame.
void MujocoStage::aim(const mjData& data) {
  Vector3 target = camera_.target;
  if (camera_.follows != 0) {
    // The height is constant, so that jumps are visible.
    const double* position = data.xpos + 3 * camera_.follows;
    for (size_t k = 0; k < 2; ++k) target[k] = position[k];
  }
  mjvCamera camera;
  mjv_defaultCamera(&camera);
  std::copy(target.begin(), target.end(), camera.lookat);
  camera.distance = camera_.distance;
  camera.azimuth = camera_.azimuth;
  camera.elevation = camera_.elevation;
  mjv_updateCamera(stage_.get(), stage_data_.get(), &camera, scene_.get());
  // The shadow map is a square around the sun's position.
  const double* direction = stage_data_->light_xdir;
  for (size_t k = 0; k < 3; ++k) {
    stage_data_->light_xpos[k] = target[k] - 2.0 * shadow_radius() * direction[k];
  }
}

// Translates geoms that refer to the model's own assets and ground to the stage's.
void MujocoStage::dress(const mjModel& model) {
  const auto keeps = [](const mjvGeom& geom) {
    return geom.type != mjGEOM_PLANE || geom.mat[8] < 0.999F;
  };
  int count = 0;
  for (int i = 0; i < scene_->ngeom; ++i) {
    mjvGeom& geom = scene_->geoms[i];
    if (!keeps(geom)) continue;  // the stage has a better floor
    geom.matid = -1;
    geom.texid = -1;
    if (geom.type == mjGEOM_PLANE) {
      geom.dataid = -1;
      for (int k = 0; k < 2; ++k) {
        if (geom.size[k] <= 0.0F) geom.size[k] = static_cast<float>(10.0 * camera_.distance);
      }
    }
    if (geom.objtype == mjOBJ_GEOM && model.geom_matid[geom.objid] < 0 &&
        std::equal(kDefaultColor.begin(), kDefaultColor.end(), geom.rgba)) {
      const bool fixed = model.body_weldid[model.geom_bodyid[geom.objid]] == 0;
      const Rgba& color = fixed ? kWallColor : kBodyColor;
      std::copy(color.begin(), color.end(), geom.rgba);
      if (fixed) geom.specular = 0.1F;
    }
    if (count != i) scene_->geoms[count] = geom;
    ++count;
  }
  scene_->ngeom = count;
}

// The last geom is the stage's plane without end, which MuJoCo has moved under the camera by whole
// tiles. It would be drawn as 40,000 quads; a large one looks the same, and a copy of size zero
// keeps the horizon's haze.
void MujocoStage::lay_floor() {
  if (scene_->ngeom == 0 || scene_->ngeom >= scene_->maxgeom) return;
  mjvGeom& floor = scene_->geoms[scene_->ngeom - 1];
  floor.dataid = -1;
  floor.category = mjCAT_DECOR;  // casts no shadow, which would only make speckles
  scene_->geoms[scene_->ngeom++] = floor;
  const double reach = stage_->vis.map.zfar * stage_->stat.extent;
  for (int k = 0; k < 2; ++k) floor.size[k] = static_cast<float>(reach);
}

// A disc on the ground under a beam of light that is visible from afar.
void MujocoStage::add_goal(const std::array<double, 2>& goal) {
  const double beam = std::max(0.6, 0.12 * camera_.distance);  // [m] half its height
  for (const auto& [color, half_height] :
       {std::pair(kGoalColor, 0.01), std::pair(kGoalBeamColor, 0.5 * beam)}) {
    if (scene_->ngeom >= scene_->maxgeom) return;
    const double size[3] = {kGoalRadius, half_height, 0.0};
    const double position[3] = {goal[0], goal[1], camera_.floor + half_height};
    mjvGeom& geom = scene_->geoms[scene_->ngeom++];
    mjv_initGeom(&geom, mjGEOM_CYLINDER, size, position, nullptr, color.data());
    geom.category = mjCAT_DECOR;
    geom.objtype = mjOBJ_UNKNOWN;
    geom.objid = -1;
    geom.segid = -1;
    geom.emission = 0.4F;
    geom.castshadow = 0;
  }
}

}  // namespace reverie
