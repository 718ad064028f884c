#include "envs/mujoco_renderer.h"

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "envs/registry.h"
#include "tests/envs/episode_fixture.h"
#include "tests/errors.h"

namespace reverie {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr int kWidth = 96;
constexpr int kHeight = 72;

// A red ball of radius 0.2 m that slides along x over a floor.
SharedModel rolling_ball() {
  return compile_model(R"(<mujoco><worldbody>
      <geom type="plane" size="5 5 0.1"/>
      <body pos="0 0 0.2">
        <joint type="slide" axis="1 0 0"/><joint type="slide" axis="0 0 1"/>
        <geom type="sphere" size="0.2" rgba="0.9 0.05 0.05 1"/>
      </body></worldbody></mujoco>)",
                       "ball.xml");
}

// The same in a square of walls, in which the camera stands still.
SharedModel ball_in_arena() {
  return compile_model(R"(<mujoco><worldbody>
      <geom type="box" size="0.1 2 0.3" pos="-2 0 0.3"/>
      <geom type="box" size="0.1 2 0.3" pos="2 0 0.3"/>
      <geom type="box" size="2 0.1 0.3" pos="0 -2 0.3"/>
      <geom type="box" size="2 0.1 0.3" pos="0 2 0.3"/>
      <body pos="0 0 0.2">
        <joint type="slide" axis="1 0 0"/><joint type="slide" axis="0 1 0"/>
        <geom type="sphere" size="0.2" rgba="0.9 0.05 0.05 1"/>
      </body></worldbody></mujoco>)",
                       "arena.xml");
}

struct Picture {
  std::vector<uint8_t> rgb = std::vector<uint8_t>(static_cast<size_t>(kWidth) * kHeight * 3);

  bool operator==(const Picture&) const = default;

  // Number and mean position [px] of the pixels for which `is` is true.
  struct Spot {
    int pixels = 0;
    double x = 0.0, y = 0.0;
  };
  Spot find(const std::function<bool(int r, int g, int b)>& is) const {
    Spot spot;
    for (int y = 0; y < kHeight; ++y) {
      for (int x = 0; x < kWidth; ++x) {
        const uint8_t* pixel = rgb.data() + (static_cast<size_t>(y) * kWidth + x) * 3;
        if (!is(pixel[0], pixel[1], pixel[2])) continue;
        ++spot.pixels;
        spot.x += x;
        spot.y += y;
      }
    }
    spot.x /= std::max(spot.pixels, 1);
    spot.y /= std::max(spot.pixels, 1);
    return spot;
  }
  Spot red() const {
    return find([](int r, int g, int b) { return r > 2 * g && r > 2 * b; });
  }
  Spot green() const {
    return find([](int r, int g, int b) { return 2 * g > 3 * r && 2 * g > 3 * b; });
  }
  Spot dark() const {
    return find([](int r, int g, int b) { return std::max({r, g, b}) < 120 && r < 2 * g; });
  }
};

Picture picture(MujocoRenderer& renderer, const MujocoSimulation& simulation,
                const RenderView& view = {}) {
  Picture out;
  renderer.render(simulation.model(), simulation.kinematics(), view, out.rgb);
  return out;
}

// MuJoCo supports one backend per process, so each test draws in a process of its own, which ends
// with status 0 if `body` passes.
template <typename Body>
[[noreturn]] void run_body(Body body) {
  try {
    body();
  } catch (const Error& error) {
    ADD_FAILURE() << error.what();
  }
  if (testing::Test::HasFailure()) {
    const auto* result = testing::UnitTest::GetInstance()->current_test_info()->result();
    for (int i = 0; i < result->total_part_count(); ++i) {
      std::fprintf(stderr, "line %d: %s\n", result->GetTestPartResult(i).line_number(),
                   result->GetTestPartResult(i).message());
    }
  }
  std::exit(testing::Test::HasFailure() ? 1 : 0);
}

class MujocoRendererTest : public testing::TestWithParam<GlBackend> {
 protected:
  void SetUp() override {
    testing::FLAGS_gtest_death_test_style = "threadsafe";
    unsetenv("MUJOCO_GL");
    // For the drawing process: Mesa keeps some memory, and LLVM frees memory from `new`.
    setenv("ASAN_OPTIONS", "detect_leaks=0:alloc_dealloc_mismatch=0", 1);
    try {
      make_gl_context(GetParam());
    } catch (const Error& error) {
      GTEST_SKIP() << error.what();
    }
  }
};

#define EXPECT_PASSES(...) EXPECT_EXIT(run_body(__VA_ARGS__), testing::ExitedWithCode(0), "")

TEST_P(MujocoRendererTest, TheBodyAppearsWhereItIs) {
  EXPECT_PASSES([] {
    const SharedModel model = ball_in_arena();
    MujocoSimulation simulation(model);
    MujocoRenderer renderer(*model, kWidth, kHeight, GetParam());
    const Picture::Spot middle = picture(renderer, simulation).red();
    EXPECT_GT(middle.pixels, 10);
    EXPECT_LT(middle.pixels, kWidth * kHeight / 20);
    EXPECT_NEAR(middle.x, kWidth / 2, 2);

    simulation.qpos()[0] = 1.0;  // x to the right
    const Picture::Spot right = picture(renderer, simulation).red();
    EXPECT_GT(right.x, middle.x + 8);
    EXPECT_NEAR(right.y, middle.y, 1.5);
    simulation.qpos()[0] = 0.0;
    simulation.qpos()[1] = 1.0;  // y away from the camera: up
    const Picture::Spot up = picture(renderer, simulation).red();
    EXPECT_LT(up.y, middle.y - 6);
    EXPECT_NEAR(up.x, middle.x, 1.5);
  });
}

TEST_P(MujocoRendererTest, TheCameraFollowsWhatRunsAndTheGroundPassesBy) {
  EXPECT_PASSES([] {
    const SharedModel model = rolling_ball();
    MujocoSimulation simulation(model);
    MujocoRenderer renderer(*model, kWidth, kHeight, GetParam());
    const Picture before = picture(renderer, simulation);
    simulation.qpos()[0] = 30.07;
    const Picture after = picture(renderer, simulation);
    EXPECT_GT(before.red().pixels, 50);
    EXPECT_NEAR(after.red().x, before.red().x, 0.5);
    EXPECT_NEAR(after.red().y, before.red().y, 0.5);
    EXPECT_FALSE(before == after) << "the tiles must move";
    simulation.qpos()[1] = 0.2;  // a jump
    EXPECT_LT(picture(renderer, simulation).red().y, after.red().y - 5);
  });
}

TEST_P(MujocoRendererTest, SkyFloorShadowAndGoalAreThere) {
  EXPECT_PASSES([] {
    const SharedModel model = rolling_ball();
    MujocoSimulation simulation(model);
    MujocoRenderer renderer(*model, kWidth, kHeight, GetParam());
    const Picture plain = picture(renderer, simulation);
    const uint8_t* top = plain.rgb.data();
    EXPECT_GT(top[2], top[0] + 30) << "a blue sky";
    const uint8_t* bottom = plain.rgb.data() + plain.rgb.size() - 3;
    EXPECT_NEAR(bottom[0], bottom[2], 20) << "a grey floor";
    EXPECT_GT(plain.dark().pixels, 5) << "a shadow";
    EXPECT_EQ(plain.green().pixels, 0);
    const Picture marked = picture(renderer, simulation, {.goal = std::array{0.5, 0.0}});
    EXPECT_GT(marked.green().pixels, 10);
    EXPECT_GT(marked.green().x, kWidth / 2);
  });
}

TEST_P(MujocoRendererTest, TheSameStateGivesTheSamePicture) {
  EXPECT_PASSES([] {
    const SharedModel model = ball_in_arena();
    MujocoSimulation simulation(model);
    MujocoRenderer renderer(*model, kWidth, kHeight, GetParam());
    const Picture first = picture(renderer, simulation);
    simulation.qpos()[0] = 1.0;
    const Picture moved = picture(renderer, simulation);
    EXPECT_FALSE(first == moved);
    {
      // A second renderer on the same thread, of another size, must not interfere.
      MujocoRenderer other(*model, 33, 17, GetParam());
      std::vector<uint8_t> small(33 * 17 * 3);
      other.render(*model, simulation.kinematics(), {}, small);
      EXPECT_EQ(picture(renderer, simulation), moved);
    }
    simulation.qpos()[0] = 0.0;
    EXPECT_EQ(picture(renderer, simulation), first);
    MujocoRenderer again(*model, kWidth, kHeight);
    EXPECT_EQ(picture(again, simulation), first);
  });
}

TEST_P(MujocoRendererTest, SaysWhatDraws) {
  EXPECT_PASSES([] {
    const std::string backend = MujocoRenderer(*rolling_ball(), 32, 32, GetParam()).backend();
    EXPECT_THAT(backend, HasSubstr(GetParam() == GlBackend::kEgl ? "EGL " : "OSMesa libOSMesa"));
    const GlBackend other = GetParam() == GlBackend::kEgl ? GlBackend::kOsmesa : GlBackend::kEgl;
    EXPECT_THAT(test::run_error([&] { MujocoRenderer(*rolling_ball(), 32, 32, other); }),
                AllOf(HasSubstr("already renders with"), HasSubstr(gl_backend_name(GetParam())),
                      HasSubstr(gl_backend_name(other)), HasSubstr("another process")));
  });
}

TEST_P(MujocoRendererTest, TheEnvironmentVariableChooses) {
  EXPECT_PASSES([] {
    setenv("MUJOCO_GL", std::string(gl_backend_name(GetParam())).c_str(), 1);
    EXPECT_EQ(make_gl_context(GlBackend::kAuto)->backend(), GetParam());
    const SharedModel model = rolling_ball();
    MujocoRenderer renderer(*model, kWidth, kHeight);
    EXPECT_GT(picture(renderer, MujocoSimulation(model)).red().pixels, 50);
  });
}

TEST_P(MujocoRendererTest, TheFlagWinsOverTheEnvironmentVariable) {
  EXPECT_PASSES([] {
    setenv("MUJOCO_GL", GetParam() == GlBackend::kEgl ? "osmesa" : "egl", 1);
    const SharedModel model = rolling_ball();
    MujocoRenderer renderer(*model, kWidth, kHeight, GetParam());
    EXPECT_GT(picture(renderer, MujocoSimulation(model)).red().pixels, 50);
  });
}

TEST_P(MujocoRendererTest, BadSizesThreadsAndModelsAreRefused) {
  EXPECT_PASSES([] {
    const SharedModel model = rolling_ball();
    MujocoSimulation simulation(model);
    MujocoRenderer renderer(*model, kWidth, kHeight, GetParam());
    mjData& data = simulation.kinematics();
    std::vector<uint8_t> rgb(7);
    EXPECT_THAT(test::input_error([&] { renderer.render(*model, data, {}, rgb); }),
                AllOf(HasSubstr("7 bytes"), HasSubstr("96x72"), HasSubstr("20736")));
    rgb.resize(static_cast<size_t>(kWidth) * kHeight * 3);
    EXPECT_THAT(test::input_error([&] { renderer.render(*ball_in_arena(), data, {}, rgb); }),
                AllOf(HasSubstr("5 geoms"), HasSubstr("one model")));
    std::async(std::launch::async, [&] {
      EXPECT_THAT(test::input_error([&] { renderer.render(*model, data, {}, rgb); }),
                  HasSubstr("another thread"));
    }).wait();
  });
}

TEST_P(MujocoRendererTest, DrawsEveryMujocoEnvironment) {
  EXPECT_PASSES([] {
    for (const EnvEntry& entry : env_registry()) {
      if (!entry.benchmark) continue;
      TestEnv stepped(entry.id);
      Env& env = *stepped.operator->();
      if (dynamic_cast<MujocoPhysicsState*>(env.physics()) == nullptr) continue;
      stepped.reset(1);
      const auto renderer = make_mujoco_renderer(env, kWidth, kHeight, GetParam());
      Picture picture;
      render_env(*renderer, env, picture.rgb);
      const Picture::Spot body =
          picture.find([](int r, int g, int b) { return 2 * r > 3 * g && 2 * r > 3 * b; });
      EXPECT_GT(body.pixels, 0) << entry.id;
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Backends, MujocoRendererTest,
                         testing::Values(GlBackend::kEgl, GlBackend::kOsmesa),
                         [](const auto& backend) {
                           return std::string(gl_backend_name(backend.param));
                         });

TEST(GlContext, SaysWhatWasTriedAndWhatNeedsNoOpenGl) {
  unsetenv("MUJOCO_GL");
  const GlLibraries none{.egl = {"libEGL-none.so.1"},
                         .osmesa = {"libOSMesa-none.so.8", "libm.so.6"}};
  const auto message = [&](GlBackend backend) {
    return test::run_error([&] { make_gl_context(backend, none); });
  };
  EXPECT_THAT(message(GlBackend::kAuto),
              AllOf(HasSubstr("EGL: libEGL-none.so.1: cannot open"),
                    HasSubstr("OSMesa: libOSMesa-none.so.8: cannot open"),
                    HasSubstr("libm.so.6: not an OSMesa library"), HasSubstr("--renderer canvas")));
  EXPECT_THAT(message(GlBackend::kEgl), Not(HasSubstr("libOSMesa-none")));
  EXPECT_THAT(message(GlBackend::kOsmesa), Not(HasSubstr("libEGL-none")));
  EXPECT_THAT(test::run_error(
                  [&] { make_gl_context(GlBackend::kEgl, {.egl = {"libm.so.6"}, .osmesa = {}}); }),
              HasSubstr("libm.so.6: not an EGL library"));
}

TEST(GlContext, BadNamesAndEnvironmentVariablesAreRefused) {
  EXPECT_THAT(test::input_error([] { parse_gl_backend("elg"); }), HasSubstr("did you mean 'egl'"));
  setenv("MUJOCO_GL", "glfw", 1);
  EXPECT_THAT(test::input_error([] { make_gl_context(GlBackend::kAuto); }),
              AllOf(HasSubstr("MUJOCO_GL"), HasSubstr("glfw"), HasSubstr("osmesa")));
  unsetenv("MUJOCO_GL");
  setenv("MUJOCO_EGL_DEVICE_ID", "99", 1);
  const auto [text, kind] = test::error_of([] { make_gl_context(GlBackend::kEgl); });
  unsetenv("MUJOCO_EGL_DEVICE_ID");
  if (text.find("cannot open") != std::string::npos) GTEST_SKIP() << text;
  EXPECT_EQ(kind, ErrorKind::kInput);
  EXPECT_THAT(text, AllOf(HasSubstr("MUJOCO_EGL_DEVICE_ID"), HasSubstr("99")));
}

TEST(MujocoRenderer, RefusesBadSizesAndModelsBeforeItLooksForOpenGl) {
  const GlLibraries none{.egl = {}, .osmesa = {}};
  for (const auto& [width, height] : {std::pair(0, 10), {10, -1}, {4097, 10}, {10, 100000}}) {
    EXPECT_THAT(test::input_error([&, w = width, h = height] {
                  MujocoRenderer(*rolling_ball(), w, h, GlBackend::kAuto, none);
                }),
                HasSubstr("expected 1 to 4096"));
  }
  const SharedModel mesh = compile_model(R"(<mujoco>
      <asset><mesh name="m" vertex="0 0 0 1 0 0 0 1 0 0 0 1"/></asset>
      <worldbody><body><freejoint/><geom type="mesh" mesh="m"/></body></worldbody></mujoco>)",
                                         "mesh.xml");
  EXPECT_THAT(test::input_error([&] { MujocoRenderer(*mesh, 64, 64, GlBackend::kAuto, none); }),
              HasSubstr("1 meshes"));
}

TEST(MujocoRenderer, AnEnvironmentWithoutMujocoIsNamed) {
  const std::unique_ptr<Env> env = find_env("car-racing").config()->maker()();
  EXPECT_THAT(test::input_error([&] { make_mujoco_renderer(*env, 64, 64); }),
              AllOf(HasSubstr("car-racing"), HasSubstr("--renderer canvas")));
}

TEST(CameraPlan, IsChosenFromTheShapeOfTheModel) {
  const CameraPlan side = plan_camera(*rolling_ball(), 4.0 / 3.0);
  EXPECT_EQ(side.follows, 1);
  EXPECT_EQ(side.azimuth, 90.0);
  EXPECT_GT(side.elevation, -20.0);
  EXPECT_DOUBLE_EQ(side.floor, 0.0);
  EXPECT_NEAR(side.target[2], 0.2, 1e-9);

  const CameraPlan above = plan_camera(*ball_in_arena(), 4.0 / 3.0);
  EXPECT_EQ(above.follows, 0);
  EXPECT_LT(above.elevation, -45.0);
  EXPECT_NEAR(above.target[0], 0.0, 1e-9);
  EXPECT_GT(above.distance, 4.0);
  EXPECT_GT(plan_camera(*ball_in_arena(), 0.5).distance, 1.5 * above.distance)
      << "a narrow picture needs a camera further away";
}

}  // namespace
}  // namespace reverie
