#pragma once

#include <array>
#include <memory>
#include <optional>
#include <vector>

#include <mujoco/mujoco.h>

#include "envs/mujoco_simulation.h"

namespace reverie {

using Vector3 = std::array<double, 3>;

// The camera of a film. Angles as in MuJoCo's free camera.
struct CameraPlan {
  int follows = 0;            // the body kept in the middle, 0: the camera does not move
  Vector3 target = {};        // [m] what it looks at; x and y move with `follows`
  double azimuth = 90.0;      // [degrees] 90 looks along +y, x points right
  double elevation = -20.0;   // [degrees] negative looks down
  double distance = 1.0;      // [m] from the target
  double shown_radius = 1.0;  // [m] visible radius around the target
  double floor = 0.0;         // [m] height of the ground
};

// Chooses the camera for a model in its initial position, from its shape alone:
//
//   walls around what moves (a maze)   the whole arena, from above at an angle, standing still
//   moves only in the x-z plane        from the side, following along x
//   else                               from above at an angle, following
//
// aspect: width / height of the picture. Only mj_kinematics is run.
CameraPlan plan_camera(const mjModel& model, double aspect);

// What is shown besides the simulation.
struct RenderView {
  std::optional<std::array<double, 2>> goal = {};  // [m] x, y of a marked position
};

// The set around a simulation: sky, tiled floor, sun and shadows. Our models leave these out
// because nothing in them depends on them. The set is a MuJoCo model of its own, from which the
// OpenGL context takes textures and quality settings; the simulated bodies are added to its scene.
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

  // The scene of one frame. data: after mj_kinematics. Throws Error(kInput) for a model of another
  // size than the constructor's, Error(kRun) when MuJoCo fails.
  mjvScene& compose(const mjModel& model, mjData& data, const RenderView& view);

 private:
  void aim(const mjData& data);
  void dress(const mjModel& model);
  void lay_floor();
  void add_goal(const std::array<double, 2>& goal);

  std::array<int, 3> size_;  // number of the model's bodies, geoms, sites
  CameraPlan camera_;
  std::unique_ptr<mjModel, MjModelDeleter> stage_;
  std::unique_ptr<mjData, MjDataDeleter> stage_data_;
  std::unique_ptr<mjvScene> scene_;
  mjvOption option_ = {};
};

}  // namespace reverie
