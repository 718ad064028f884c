#pragma once

#include <array>
#include <memory>
#include <optional>
#include <vector>

#include <mujoco/mujoco.h>

#include "envs/mujoco_simulation.h"

namespace reverie {

using Vector3 = std::array<double, 3>;

// Where a film is taken from. Angles as in MuJoCo's free camera.
struct CameraPlan {
  int follows = 0;            // the body that stays in the middle, 0: the camera stands still
  Vector3 target = {};        // [m] what it looks at; x and y move along with `follows`
  double azimuth = 90.0;      // [degrees] 90 looks along +y, x points right
  double elevation = -20.0;   // [degrees] negative looks down
  double distance = 1.0;      // [m] from the target
  double shown_radius = 1.0;  // [m] around the target, of what there is to see
  double floor = 0.0;         // [m] height of the ground
};

// The camera for a model in its initial position, from its shape alone:
//
//   walls around what moves (a maze)   the whole arena, from above at an angle, standing still
//   moves only in the x-z plane        from the side, following along x
//   else                               from above at an angle, following
//
// aspect: width / height of the picture. Only mj_kinematics is run.
CameraPlan plan_camera(const mjModel& model, double aspect);

// What is shown beside the simulation.
struct RenderView {
  std::optional<std::array<double, 2>> goal = {};  // [m] x, y of a marked place
};

// The set around a simulation: sky, tiled floor, sun and shadows, which our models leave out
// because nothing they describe depends on them. It is a MuJoCo model of its own, from which the
// OpenGL context takes its textures and qualities; the simulated bodies are put into its scene.
class MujocoStage {
 public:
  // width, height [px] of the pictures. Throws Error(kInput) for a model with meshes, height
  // fields, skins or flexes, which the stage does not draw.
  MujocoStage(const mjModel& model, int width, int height);
  ~MujocoStage();
  MujocoStage(const MujocoStage&) = delete;
  MujocoStage& operator=(const MujocoStage&) = delete;

  // The model for mjr_makeContext.
  const mjModel& look() const { return *stage_; }
  const CameraPlan& camera() const { return camera_; }

  // Radius of the shadow map [m], for mjrContext::shadowClip.
  double shadow_radius() const;

  // The scene of one frame. data: with mj_kinematics done. Throws Error(kInput) for a model of
  // another size than the constructor's, Error(kRun) where MuJoCo fails.
  mjvScene& compose(const mjModel& model, mjData& data, const RenderView& view);

 private:
  void aim(const mjData& data);
  void dress(const mjModel& model);
  void lay_floor();
  void add_goal(const std::array<double, 2>& goal);

  std::array<int, 3> size_;  // of the model: bodies, geoms, sites
  CameraPlan camera_;
  std::unique_ptr<mjModel, MjModelDeleter> stage_;
  std::unique_ptr<mjData, MjDataDeleter> stage_data_;
  std::unique_ptr<mjvScene> scene_;
  mjvOption option_ = {};
};

}  // namespace reverie
