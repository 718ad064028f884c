#include "envs/gl_context.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <utility>

// Without X11 types, because nothing here has a window.
#define EGL_NO_X11
#define MESA_EGL_NO_X11_HEADERS
#include <EGL/egl.h>
#include <EGL/eglext.h>
#include <GL/gl.h>
#include <GL/osmesa.h>
#include <dlfcn.h>
#include <unistd.h>

namespace reverie {
namespace {

// Why attempts failed, in order. Attempts fail by returning null, because it is normal that only a
// later one works.
using Failures = std::vector<std::string>;

// A library that is never unloaded: drivers leave threads and exit handlers behind.
class Library {
 public:
  static std::optional<Library> open(const std::vector<std::string>& names, Failures& failures) {
    for (const std::string& name : names) {
      if (void* handle = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL)) return Library(name, handle);
      failures.emplace_back(dlerror());
    }
    return std::nullopt;
  }

  const std::string& name() const { return name_; }

  template <typename Function>
  bool find(const char* symbol, Function& function) const {
    function = reinterpret_cast<Function>(dlsym(handle_, symbol));
    return function != nullptr;
  }

  // MuJoCo looks up the function that finds the others among the global symbols of all libraries.
  void make_global() const { dlopen(name_.c_str(), RTLD_NOW | RTLD_GLOBAL | RTLD_NOLOAD); }

 private:
  Library(std::string name, void* handle) : name_(std::move(name)), handle_(handle) {}

  std::string name_;
  void* handle_;
};

// Checks what MuJoCo's renderer needs of the current context, because MuJoCo binds itself to the
// first library it finds. Returns "" and sets `renderer`, or says what is missing.
template <typename GetProcAddress>
std::string check_context(GetProcAddress get_proc_address, std::string& renderer) {
  const auto get_string = reinterpret_cast<decltype(&glGetString)>(get_proc_address("glGetString"));
  if (get_string == nullptr) return "no function glGetString";
  const auto text = [&](GLenum name) -> std::string {
    const GLubyte* value = get_string(name);
    return value == nullptr ? "" : reinterpret_cast<const char*>(value);
  };
  const std::string version = text(GL_VERSION);
  double number = 0.0;
  std::from_chars(version.data(), version.data() + version.size(), number);
  if (number < 1.5) {
    return fmt::format("OpenGL version '{}', expected 1.5 or later", version);
  }
  if (number < 3.0 && text(GL_EXTENSIONS).find("GL_ARB_framebuffer_object") == std::string::npos) {
    return fmt::format("OpenGL {} without GL_ARB_framebuffer_object", version);
  }
  renderer = text(GL_RENDERER);
  return "";
}

struct EglApi {
  decltype(&eglGetProcAddress) get_proc_address = nullptr;
  decltype(&eglGetError) get_error = nullptr;
  decltype(&eglQueryString) query_string = nullptr;
  decltype(&eglGetDisplay) get_display = nullptr;
  decltype(&eglInitialize) initialize = nullptr;
  decltype(&eglBindAPI) bind_api = nullptr;
  decltype(&eglChooseConfig) choose_config = nullptr;
  decltype(&eglCreateContext) create_context = nullptr;
  decltype(&eglDestroyContext) destroy_context = nullptr;
  decltype(&eglCreatePbufferSurface) create_pbuffer = nullptr;
  decltype(&eglDestroySurface) destroy_surface = nullptr;
  decltype(&eglMakeCurrent) make_current = nullptr;
  // Null when the driver lacks the extension.
  PFNEGLQUERYDEVICESEXTPROC query_devices = nullptr;
  PFNEGLQUERYDEVICESTRINGEXTPROC query_device_string = nullptr;
  PFNEGLGETPLATFORMDISPLAYEXTPROC get_platform_display = nullptr;

  static std::optional<EglApi> load(const Library& library, Failures& failures) {
    EglApi egl;
    if (!library.find("eglGetProcAddress", egl.get_proc_address) ||
        !library.find("eglGetError", egl.get_error) ||
        !library.find("eglQueryString", egl.query_string) ||
        !library.find("eglGetDisplay", egl.get_display) ||
        !library.find("eglInitialize", egl.initialize) ||
        !library.find("eglBindAPI", egl.bind_api) ||
        !library.find("eglChooseConfig", egl.choose_config) ||
        !library.find("eglCreateContext", egl.create_context) ||
        !library.find("eglDestroyContext", egl.destroy_context) ||
        !library.find("eglCreatePbufferSurface", egl.create_pbuffer) ||
        !library.find("eglDestroySurface", egl.destroy_surface) ||
        !library.find("eglMakeCurrent", egl.make_current)) {
      failures.push_back(fmt::format("{}: not an EGL library: {}", library.name(), dlerror()));
      return std::nullopt;
    }
    const auto extension = [&](const char* name, auto& function) {
      function =
          reinterpret_cast<std::remove_reference_t<decltype(function)>>(egl.get_proc_address(name));
    };
    extension("eglQueryDevicesEXT", egl.query_devices);
    extension("eglQueryDeviceStringEXT", egl.query_device_string);
    extension("eglGetPlatformDisplayEXT", egl.get_platform_display);
    return egl;
  }

  // "eglInitialize: EGL_NOT_INITIALIZED" for the last error of this thread.
  std::string failure(std::string_view function) const {
    constexpr std::array<const char*, 15> kNames = {
        "no error code",     "EGL_NOT_INITIALIZED",     "EGL_BAD_ACCESS",
        "EGL_BAD_ALLOC",     "EGL_BAD_ATTRIBUTE",       "EGL_BAD_CONFIG",
        "EGL_BAD_CONTEXT",   "EGL_BAD_CURRENT_SURFACE", "EGL_BAD_DISPLAY",
        "EGL_BAD_MATCH",     "EGL_BAD_NATIVE_PIXMAP",   "EGL_BAD_NATIVE_WINDOW",
        "EGL_BAD_PARAMETER", "EGL_BAD_SURFACE",         "EGL_CONTEXT_LOST"};
    const EGLint code = get_error();
    const auto index = static_cast<size_t>(code - EGL_SUCCESS);
    return index < kNames.size() ? fmt::format("{}: {}", function, kNames[index])
                                 : fmt::format("{}: error 0x{:x}", function, code);
  }
};

class EglContext final : public GlContext {
 public:
  // Null, with the failure noted, when this display does not support it.
  static std::unique_ptr<EglContext> create(const EglApi& egl, EGLDisplay display,
                                            const std::string& place, Failures& failures) {
    std::unique_ptr<EglContext> context(new EglContext(egl, display));
    std::string renderer;
    const std::string failure = context->set_up(renderer);
    if (!failure.empty()) {
      failures.push_back(fmt::format("{}: {}", place, failure));
      return nullptr;
    }
    context->description_ = fmt::format("EGL {}: {}", place, renderer);
    return context;
  }

  // The display stays initialised: it belongs to the process, and eglTerminate would destroy other
  // contexts too.
  ~EglContext() override {
    if (context_ == EGL_NO_CONTEXT) return;
    egl_.make_current(display_, EGL_NO_SURFACE, EGL_NO_SURFACE, EGL_NO_CONTEXT);
    if (surface_ != EGL_NO_SURFACE) egl_.destroy_surface(display_, surface_);
    egl_.destroy_context(display_, context_);
  }

  void make_current() override {
    egl_.bind_api(EGL_OPENGL_API);  // the selected API is per thread
    REVERIE_CHECK_RUN(egl_.make_current(display_, surface_, surface_, context_), "{}: {}",
                      description_, egl_.failure("eglMakeCurrent"));
  }

  GlBackend backend() const override { return GlBackend::kEgl; }

 private:
  EglContext(const EglApi& egl, EGLDisplay display) : egl_(egl), display_(display) {}

  // Returns "" or what failed.
  std::string set_up(std::string& renderer) {
    if (display_ == EGL_NO_DISPLAY) return egl_.failure("no display");
    if (!egl_.initialize(display_, nullptr, nullptr)) return egl_.failure("eglInitialize");
    if (!egl_.bind_api(EGL_OPENGL_API)) return egl_.failure("eglBindAPI(EGL_OPENGL_API)");
    // Pictures are drawn into framebuffer objects; the surface only serves to make the context
    // current.
    constexpr std::array<EGLint, 5> kConfig = {EGL_SURFACE_TYPE, EGL_PBUFFER_BIT,
                                               EGL_RENDERABLE_TYPE, EGL_OPENGL_BIT, EGL_NONE};
    EGLConfig config = nullptr;
    EGLint count = 0;
    if (!egl_.choose_config(display_, kConfig.data(), &config, 1, &count) || count < 1) {
      return egl_.failure("eglChooseConfig finds no configuration with OpenGL");
    }
    context_ = egl_.create_context(display_, config, EGL_NO_CONTEXT, nullptr);
    if (context_ == EGL_NO_CONTEXT) return egl_.failure("eglCreateContext");
    if (!egl_.make_current(display_, EGL_NO_SURFACE, EGL_NO_SURFACE, context_)) {
      constexpr std::array<EGLint, 5> kSize = {EGL_WIDTH, 16, EGL_HEIGHT, 16, EGL_NONE};
      surface_ = egl_.create_pbuffer(display_, config, kSize.data());
      if (surface_ == EGL_NO_SURFACE) return egl_.failure("eglCreatePbufferSurface");
      if (!egl_.make_current(display_, surface_, surface_, context_)) {
        return egl_.failure("eglMakeCurrent");
      }
    }
    return check_context(egl_.get_proc_address, renderer);
  }

  EglApi egl_;
  EGLDisplay display_;
  EGLSurface surface_ = EGL_NO_SURFACE;
  ::EGLContext context_ = EGL_NO_CONTEXT;
};

// The number in MUJOCO_EGL_DEVICE_ID. Throws Error(kInput) unless it is in [0, count).
std::optional<size_t> chosen_device(size_t count) {
  const char* text = std::getenv("MUJOCO_EGL_DEVICE_ID");
  if (text == nullptr || *text == '\0') return std::nullopt;
  size_t index = 0;
  const char* end = text + std::strlen(text);
  const auto [stop, error] = std::from_chars(text, end, index);
  REVERIE_CHECK(error == std::errc() && stop == end && index < count,
                "MUJOCO_EGL_DEVICE_ID is '{}', expected a number below {}, the EGL devices that "
                "this machine shows; unset it to have all of them tried",
                text, count);
  return index;
}

// "device 0 (/dev/dri/card0)", and whether this user may open it.
std::string device_name(const EglApi& egl, EGLDeviceEXT device, size_t index) {
  const char* file = egl.query_device_string == nullptr
                         ? nullptr
                         : egl.query_device_string(device, EGL_DRM_DEVICE_FILE_EXT);
  egl.get_error();  // a device without a file is not an error
  if (file == nullptr) return fmt::format("device {}", index);
  if (access(file, R_OK | W_OK) == 0) return fmt::format("device {} ({})", index, file);
  return fmt::format("device {} ({}: {})", index, file, std::strerror(errno));
}

std::unique_ptr<GlContext> try_egl(const GlLibraries& libraries, Failures& failures) {
  const std::optional<Library> library = Library::open(libraries.egl, failures);
  if (!library) return nullptr;
  const std::optional<EglApi> egl = EglApi::load(*library, failures);
  if (!egl) return nullptr;
  const auto attempt = [&](EGLDisplay display, const std::string& place) {
    std::unique_ptr<GlContext> context = EglContext::create(*egl, display, place, failures);
    if (context != nullptr) library->make_global();
    return context;
  };

  std::array<EGLDeviceEXT, 64> devices{};
  EGLint count = 0;
  if (egl->query_devices == nullptr || egl->get_platform_display == nullptr) {
    failures.emplace_back("devices: the driver lacks EGL_EXT_device_enumeration");
  } else if (!egl->query_devices(static_cast<EGLint>(devices.size()), devices.data(), &count)) {
    failures.push_back(egl->failure("eglQueryDevicesEXT"));
    count = 0;
  }
  const std::optional<size_t> only = chosen_device(static_cast<size_t>(count));
  for (size_t i = 0; i < static_cast<size_t>(count); ++i) {
    if (only && *only != i) continue;
    const EGLDisplay display =
        egl->get_platform_display(EGL_PLATFORM_DEVICE_EXT, devices[i], nullptr);
    if (auto context = attempt(display, device_name(*egl, devices[i], i))) return context;
  }
  if (only) return nullptr;
  if (auto context = attempt(egl->get_display(EGL_DEFAULT_DISPLAY), "default display")) {
    return context;
  }
  if (egl->get_platform_display == nullptr) return nullptr;
  return attempt(egl->get_platform_display(EGL_PLATFORM_SURFACELESS_MESA, nullptr, nullptr),
                 "surfaceless platform");
}

struct OsmesaApi {
  decltype(&OSMesaCreateContextExt) create_context = nullptr;
  decltype(&OSMesaDestroyContext) destroy_context = nullptr;
  decltype(&OSMesaMakeCurrent) make_current = nullptr;
  decltype(&OSMesaGetProcAddress) get_proc_address = nullptr;
};

class OsmesaContext final : public GlContext {
 public:
  static std::unique_ptr<OsmesaContext> create(const OsmesaApi& osmesa, const std::string& library,
                                               Failures& failures) {
    std::unique_ptr<OsmesaContext> context(new OsmesaContext(osmesa));
    std::string failure, renderer;
    if (context->context_ == nullptr) {
      failure = "OSMesaCreateContextExt failed";
    } else if (!context->bind()) {
      failure = "OSMesaMakeCurrent failed";
    } else {
      failure = check_context(osmesa.get_proc_address, renderer);
    }
    if (!failure.empty()) {
      failures.push_back(fmt::format("{}: {}", library, failure));
      return nullptr;
    }
    context->description_ = fmt::format("OSMesa {}: {}", library, renderer);
    return context;
  }

  ~OsmesaContext() override {
    if (context_ == nullptr) return;
    osmesa_.make_current(nullptr, nullptr, 0, 0, 0);
    osmesa_.destroy_context(context_);
  }

  void make_current() override {
    REVERIE_CHECK_RUN(bind(), "{}: OSMesaMakeCurrent failed", description_);
  }

  GlBackend backend() const override { return GlBackend::kOsmesa; }

 private:
  explicit OsmesaContext(const OsmesaApi& osmesa)
      : osmesa_(osmesa),
        context_(osmesa.create_context(OSMESA_RGBA, /*depth*/ 24, /*stencil*/ 8, /*accum*/ 0,
                                       nullptr)) {}

  bool bind() {
    return osmesa_.make_current(context_, window_.data(), GL_UNSIGNED_BYTE, kSide, kSide);
  }

  static constexpr int kSide = 16;  // [px] of the window, which nothing is drawn into

  OsmesaApi osmesa_;
  ::OSMesaContext context_;
  std::array<uint8_t, static_cast<size_t>(kSide) * kSide * 4> window_{};
};

std::unique_ptr<GlContext> try_osmesa(const GlLibraries& libraries, Failures& failures) {
  const std::optional<Library> library = Library::open(libraries.osmesa, failures);
  if (!library) return nullptr;
  OsmesaApi osmesa;
  if (!library->find("OSMesaCreateContextExt", osmesa.create_context) ||
      !library->find("OSMesaDestroyContext", osmesa.destroy_context) ||
      !library->find("OSMesaMakeCurrent", osmesa.make_current) ||
      !library->find("OSMesaGetProcAddress", osmesa.get_proc_address)) {
    failures.push_back(fmt::format("{}: not an OSMesa library: {}", library->name(), dlerror()));
    return nullptr;
  }
  std::unique_ptr<GlContext> context = OsmesaContext::create(osmesa, library->name(), failures);
  if (context != nullptr) library->make_global();
  return context;
}

// What kAuto means when MUJOCO_GL is set, as users of MuJoCo's Python package do.
GlBackend backend_of_environment() {
  const char* text = std::getenv("MUJOCO_GL");
  const std::string_view name = text == nullptr ? "" : text;
  if (name.empty()) return GlBackend::kAuto;
  REVERIE_CHECK(name == "egl" || name == "osmesa",
                "MUJOCO_GL is '{}', expected 'egl' or 'osmesa' (films are rendered off screen), or "
                "unset it to have both tried",
                name);
  return parse_gl_backend(name);
}

}  // namespace

GlBackend parse_gl_backend(std::string_view name) {
  for (const GlBackend backend : {GlBackend::kAuto, GlBackend::kEgl, GlBackend::kOsmesa}) {
    if (name == gl_backend_name(backend)) return backend;
  }
  fail_unknown_name("OpenGL backend", name, {"auto", "egl", "osmesa"});
}

std::string_view gl_backend_name(GlBackend backend) {
  constexpr std::array<std::string_view, 3> kNames = {"auto", "egl", "osmesa"};
  return kNames[static_cast<size_t>(backend)];
}

std::unique_ptr<GlContext> make_gl_context(GlBackend backend, const GlLibraries& libraries) {
  if (backend == GlBackend::kAuto) backend = backend_of_environment();
  std::string report;
  const auto attempt = [&](GlBackend kind, std::string_view title, auto function) {
    if (backend != GlBackend::kAuto && backend != kind) return std::unique_ptr<GlContext>();
    Failures failures;
    std::unique_ptr<GlContext> context = function(libraries, failures);
    report += fmt::format("\n  {}: {}", title, fmt::join(failures, "; "));
    return context;
  };
  if (auto context = attempt(GlBackend::kEgl, "EGL", try_egl)) return context;
  if (auto context = attempt(GlBackend::kOsmesa, "OSMesa", try_osmesa)) return context;
  fail_run(
      "no OpenGL context for MuJoCo's renderer; tried{}\nInstall a driver (Debian: libegl1 and "
      "libgl1-mesa-dri, or libosmesa6), or give --renderer canvas, which needs no OpenGL. "
      "docs/rendering.md explains these messages.",
      report);
}

}  // namespace reverie
