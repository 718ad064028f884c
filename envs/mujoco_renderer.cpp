#include "envs/mujoco_renderer.h"

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <optional>

#include "envs/mujoco_guard.h"

namespace reverie {
namespace {

// The backend whose functions MuJoCo has loaded for the rest of the process.
std::mutex bound_mutex;
std::optional<GlBackend> bound_backend;

std::unique_ptr<GlContext> make_bound_context(GlBackend backend, const GlLibraries& libraries) {
  const std::lock_guard lock(bound_mutex);
  if (bound_backend) {
    REVERIE_CHECK_RUN(backend == GlBackend::kAuto || backend == *bound_backend,
                      "MuJoCo renderer: this process already renders with {}, found {}; MuJoCo "
                      "cannot change it, start another process",
                      gl_backend_name(*bound_backend), gl_backend_name(backend));
    backend = *bound_backend;
  }
  std::unique_ptr<GlContext> context = make_gl_context(backend, libraries);
  if (!bound_backend) {
    // MuJoCo's loader checks this variable before it detects what is available.
    const std::string name(gl_backend_name(context->backend()));
    const char* set = std::getenv("MUJOCO_GL");
    if (set == nullptr || name != set) setenv("MUJOCO_GL", name.c_str(), 1);
    bound_backend = context->backend();
  }
  return context;
}

void check_side(const char* name, int side) {
  REVERIE_CHECK(side >= 1 && side <= MujocoRenderer::kMaxSide,
                "MuJoCo renderer: a {} of {} pixels, expected 1 to {}", name, side,
                MujocoRenderer::kMaxSide);
}

const MujocoPhysicsState& mujoco_physics(Env& env) {
  const PhysicsState* physics = env.physics();
  const auto* found =
      physics == nullptr ? nullptr : dynamic_cast<const MujocoPhysicsState*>(&physics->innermost());
  REVERIE_CHECK(found != nullptr,
                "{}: not simulated by MuJoCo, whose renderer was asked for; use --renderer canvas",
                env.spec().id);
  return *found;
}

}  // namespace

struct MujocoRenderer::DrawingContext {
  DrawingContext() { mjr_defaultContext(&mjr); }
  ~DrawingContext() { mjr_freeContext(&mjr); }
  DrawingContext(const DrawingContext&) = delete;
  DrawingContext& operator=(const DrawingContext&) = delete;

  mjrContext mjr;
};

MujocoRenderer::MujocoRenderer(const mjModel& model, int width, int height, GlBackend backend,
                               const GlLibraries& libraries)
    : width_(width), height_(height), thread_(std::this_thread::get_id()) {
  check_side("width", width);
  check_side("height", height);
  stage_ = std::make_unique<MujocoStage>(model, width, height);
  context_ = make_bound_context(backend, libraries);
  auto drawing = std::make_unique<DrawingContext>();
  guard_mujoco([this, mjr = &drawing->mjr] {
    mjr_makeContext(&stage_->look(), mjr, mjFONTSCALE_100);
    mjr_setBuffer(mjFB_OFFSCREEN, mjr);
  });
  drawing->mjr.shadowClip = static_cast<float>(stage_->shadow_radius());
  drawing_ = std::move(drawing);
}

MujocoRenderer::~MujocoRenderer() {
  try {
    context_->make_current();
    drawing_.reset();
  } catch (const Error&) {
    // The driver has lost the context, and with it everything that drawing_ would free.
    static_cast<void>(drawing_.release());
  }
}

void MujocoRenderer::render(const mjModel& model, mjData& data, const RenderView& view,
                            std::span<uint8_t> rgb) {
  const size_t row = static_cast<size_t>(width_) * 3;
  REVERIE_CHECK(rgb.size() == row * static_cast<size_t>(height_),
                "MuJoCo renderer: {} bytes for a picture of {}x{}, expected {}", rgb.size(), width_,
                height_, row * static_cast<size_t>(height_));
  REVERIE_CHECK(std::this_thread::get_id() == thread_,
                "MuJoCo renderer: used on another thread than the one that made it");
  context_->make_current();
  mjvScene& scene = stage_->compose(model, data, view);
  int error = 0;
  guard_mujoco([&] {
    const mjrRect all = {0, 0, width_, height_};
    mjr_setBuffer(mjFB_OFFSCREEN, &drawing_->mjr);
    mjr_render(all, &scene, &drawing_->mjr);
    mjr_readPixels(rgb.data(), nullptr, all, &drawing_->mjr);
    error = mjr_getError();
  });
  REVERIE_CHECK_RUN(error == 0, "MuJoCo renderer: OpenGL error 0x{:x} from {}", error, backend());
  for (int y = 0; y < height_ / 2; ++y) {  // OpenGL's first row is the bottom one
    uint8_t* top = rgb.data() + static_cast<size_t>(y) * row;
    uint8_t* bottom = rgb.data() + static_cast<size_t>(height_ - 1 - y) * row;
    std::swap_ranges(top, top + row, bottom);
  }
}

std::unique_ptr<MujocoRenderer> make_mujoco_renderer(Env& env, int width, int height,
                                                     GlBackend backend,
                                                     const GlLibraries& libraries) {
  return std::make_unique<MujocoRenderer>(mujoco_physics(env).simulation().model(), width, height,
                                          backend, libraries);
}

void render_env(MujocoRenderer& renderer, Env& env, std::span<uint8_t> rgb) {
  const MujocoPhysicsState& physics = mujoco_physics(env);
  const MujocoSimulation& simulation = physics.simulation();
  const mjModel& model = simulation.model();
  mjData& data = simulation.kinematics();
  RenderView view;
  for (const PhysicsState::Part& part : physics.parts()) {
    if (part.name != "desired_goal" || part.size != 2) continue;
    view.goal.emplace();
    physics.get(part.name, *view.goal);
    // Goals are in the coordinates of qpos; D4RL's ball does not start at the origin.
    const double* body = data.xpos + 3 * model.jnt_bodyid[0];
    for (size_t k = 0; k < 2; ++k) (*view.goal)[k] += body[k] - data.qpos[k];
  }
  renderer.render(model, data, view, rgb);
}

}  // namespace reverie
