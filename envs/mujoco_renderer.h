#pragma once

#include <memory>
#include <span>
#include <string>
#include <thread>

#include <mujoco/mujoco.h>

#include "envs/gl_context.h"
#include "envs/mujoco_stage.h"

namespace reverie {

// Pictures of a MuJoCo model by MuJoCo's own OpenGL renderer, without a display: shaded bodies on a
// tiled floor under a sky, with shadows. About 40 ms per picture on a CPU, so for films, not for
// pixel observations.
//
// Make, use and destroy it on one thread; several may exist side by side. MuJoCo looks up OpenGL's
// functions once per process: after the first renderer, all others use its backend.
class MujocoRenderer {
 public:
  static constexpr int kMaxSide = 4096;  // [px]

  // width, height [px]. Throws Error(kInput) unless 1 <= width, height <= kMaxSide, and for models
  // that MujocoStage refuses; Error(kRun) when no backend works (see make_gl_context), when the
  // process already uses another one than asked for, and when the driver has too little memory.
  MujocoRenderer(const mjModel& model, int width, int height, GlBackend backend = GlBackend::kAuto,
                 const GlLibraries& libraries = {});
  ~MujocoRenderer();
  MujocoRenderer(const MujocoRenderer&) = delete;
  MujocoRenderer& operator=(const MujocoRenderer&) = delete;

  // Draws the data's position. model: the constructor's or one of the same size. data: with
  // mj_kinematics done. rgb: [height, width, 3], top row first. The same position gives the same
  // picture. Throws Error(kInput) for a span of another size, another model and another thread,
  // Error(kRun) when the driver fails.
  void render(const mjModel& model, mjData& data, const RenderView& view, std::span<uint8_t> rgb);

  // The library, device and driver that draw: "EGL device 0: llvmpipe (LLVM 15.0.6, 256 bits)".
  const std::string& backend() const { return context_->description(); }

 private:
  struct DrawingContext;

  int width_;
  int height_;
  std::thread::id thread_;
  std::unique_ptr<MujocoStage> stage_;
  std::unique_ptr<GlContext> context_;
  std::unique_ptr<DrawingContext> drawing_;  // belongs to the context
};

// A renderer for an environment's simulation, wrapped or not. Throws Error(kInput) when it is not
// MuJoCo, and as the constructor does.
std::unique_ptr<MujocoRenderer> make_mujoco_renderer(Env& env, int width, int height,
                                                     GlBackend backend = GlBackend::kAuto,
                                                     const GlLibraries& libraries = {});

// Draws the environment's current state, and its goal if its physics has a part "desired_goal" of
// two numbers: x and y in the coordinates of qpos[0] and qpos[1].
// Throws as make_mujoco_renderer and render() do.
void render_env(MujocoRenderer& renderer, Env& env, std::span<uint8_t> rgb);

}  // namespace reverie
