#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace reverie {

// The provider of OpenGL without a display. kEgl: the graphics driver, or Mesa's software renderer
// behind the same interface. kOsmesa: Mesa's software renderer alone. kAuto: the first that works.
enum class GlBackend : uint8_t { kAuto, kEgl, kOsmesa };

// "auto", "egl" or "osmesa". Throws Error(kInput) for another name.
GlBackend parse_gl_backend(std::string_view name);
std::string_view gl_backend_name(GlBackend backend);

// Names passed to dlopen, in order. The program links no OpenGL library, so everything else runs on
// machines without one.
struct GlLibraries {
  std::vector<std::string> egl = {"libEGL.so.1"};
  std::vector<std::string> osmesa = {"libOSMesa.so.8", "libOSMesa.so.6"};
};

// An OpenGL context (compatibility profile, at least 1.5 with framebuffer objects) without a
// window. Use and destroy it on the thread that created it.
class GlContext {
 public:
  virtual ~GlContext() = default;
  GlContext(const GlContext&) = delete;
  GlContext& operator=(const GlContext&) = delete;

  // Makes it the thread's current context. Throws Error(kRun) when the driver refuses.
  virtual void make_current() = 0;

  // kEgl or kOsmesa.
  virtual GlBackend backend() const = 0;

  // The library, device and renderer: "EGL device 0: llvmpipe (LLVM 15.0.6, 256 bits)".
  const std::string& description() const { return description_; }

 protected:
  GlContext() = default;
  std::string description_;
};

// Creates a context and makes it current.
//
// kAuto follows MUJOCO_GL ("egl" or "osmesa") if it is set, else tries EGL, then OSMesa. EGL tries
// each device that the driver lists, or only number MUJOCO_EGL_DEVICE_ID, then the default display,
// then Mesa's surfaceless platform.
//
// Throws Error(kInput) for another value of MUJOCO_GL or MUJOCO_EGL_DEVICE_ID. Throws Error(kRun)
// that lists why each attempt failed when nothing works.
std::unique_ptr<GlContext> make_gl_context(GlBackend backend, const GlLibraries& libraries = {});

}  // namespace reverie
