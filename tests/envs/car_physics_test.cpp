// The two physics under car racing: `--physics native` and `--physics box2d`.

#include <atomic>
#include <bit>
#include <cmath>
#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "drawing/canvas.h"
#include "envs/car_racing/box2d_physics.h"
#include "envs/car_racing/car.h"
#include "envs/car_racing/driver.h"
#include "envs/car_racing/skid_marks.h"
#include "envs/threaded_vector_env.h"
#include "tests/envs/allocation_counter.h"
#include "tests/envs/car_drives.h"
#include "tests/errors.h"

namespace {
std::atomic<int64_t> box2d_allocations{0};
}

// Box2D asks for memory with malloc(), through this function, which a program may replace.
void* b2Alloc_Default(int32 size) {
  box2d_allocations.fetch_add(1, std::memory_order_relaxed);
  return std::malloc(static_cast<size_t>(size));
}

namespace reverie::car_racing {
namespace {

using testing::HasSubstr;

const TestEnv::Options kBox2d = {{"physics", "box2d"}};

TestEnv::Options with(TestEnv::Options options) {
  options.insert(options.begin(), kBox2d.begin(), kBox2d.end());
  return options;
}

// A slalom with full gas, hard enough that the hinges are at their limits most of the time.
void steer_hard(Car& car, int t) {
  car.steer(t / 30 % 2 == 0 ? 1.0 : -1.0);
  car.gas(t % 50 < 40 ? 1.0 : 0.0);
  car.brake(t % 50 < 45 ? 0.0 : 0.5);
  for (Wheel& wheel : car.wheels) wheel.on_road = t % 70 < 50;
  car.apply_tyres();
}

// Now and then a front wheel turns until its hinge stops it, as after a collision.
float blow(int t) { return t % 40 == 25 ? 1000.0F : t % 40 == 38 ? -1000.0F : 0.0F; }

// All numbers of the bodies, as bits.
std::vector<uint32_t> bits(const CarBodies& bodies) {
  std::vector<uint32_t> out;
  const auto add = [&](float x) { out.push_back(std::bit_cast<uint32_t>(x)); };
  const auto add_body = [&](const Body& body) {
    for (const float x : {body.center.x, body.center.y, body.angle, body.velocity.x,
                          body.velocity.y, body.angular_velocity, body.sleep_time}) {
      add(x);
    }
  };
  add_body(bodies.hull);
  for (const Body& wheel : bodies.wheels) add_body(wheel);
  for (const Hinge& hinge : bodies.hinges) {
    for (const float x : {hinge.motor_speed, hinge.impulse.x, hinge.impulse.y, hinge.limit_impulse,
                          hinge.motor_impulse}) {
      add(x);
    }
    out.push_back(static_cast<uint32_t>(hinge.limit));
  }
  return out;
}

TEST(CarPhysics, EnginesAgree) {
  // Both get the forces of one, because small differences grow tenfold every 13 steps.
  Car native;
  Car box2d({}, PhysicsEngine::kBox2d);
  native.place(3.0, -2.0, 0.7);
  box2d.place(3.0, -2.0, 0.7);
  for (int t = 0; t < 30; ++t) {
    native.steer(0.3 * std::sin(0.07 * t));
    native.gas(0.5);
    native.apply_tyres();
    for (size_t i = 0; i < 4; ++i) {
      box2d.body.hinges[i].motor_speed = native.body.hinges[i].motor_speed;
      box2d.body.wheels[i].force = native.body.wheels[i].force;
    }
    native.move();
    box2d.move();
    ASSERT_LT(std::abs(native.body.hinge_angle(0)), kMaxSteer);
    ASSERT_NEAR(native.hull_position().x, box2d.hull_position().x, 1e-5) << "step " << t;
    ASSERT_NEAR(native.hull_position().y, box2d.hull_position().y, 1e-5) << "step " << t;
    ASSERT_NEAR(native.body.hull.angular_velocity, box2d.body.hull.angular_velocity, 1e-4);
  }
  EXPECT_GT(std::hypot(native.hull_position().x - 3.0, native.hull_position().y + 2.0), 1.0);
}

TEST(CarPhysics, MassesAreTheReferences) {
  // The masses that Box2D computes from the reference's outlines and densities.
  const auto mass_of = [](std::span<const Point> outline, float density) {
    std::array<b2Vec2, b2_maxPolygonVertices> corners;
    for (size_t i = 0; i < outline.size(); ++i) {
      corners[i].Set(static_cast<float>(outline[i].x), static_cast<float>(outline[i].y));
    }
    b2PolygonShape shape;
    shape.Set(corners.data(), static_cast<int32>(outline.size()));
    b2MassData mass;
    shape.ComputeMass(&mass, density);
    return mass;
  };
  b2MassData hull{.mass = 0.0F, .center = {0.0F, 0.0F}, .I = 0.0F};
  for (const Outline& part : hull_outlines()) {
    const b2MassData mass = mass_of(part.view(), 1.0F);
    hull.mass += mass.mass;
    hull.center += mass.mass * mass.center;
    hull.I += mass.I;
  }
  hull.center *= 1.0F / hull.mass;
  const CarDefinition ours = car_definition();
  EXPECT_NEAR(hull.mass, 7.06, 1e-3);
  EXPECT_NEAR(ours.hull.mass, hull.mass, 1e-5);
  EXPECT_NEAR(ours.hull.center.x, hull.center.x, 1e-6);
  EXPECT_NEAR(ours.hull.center.y, hull.center.y, 1e-6);
  EXPECT_NEAR(ours.hull.inertia, hull.I - hull.mass * b2Dot(hull.center, hull.center), 1e-4);
  const b2MassData wheel = mass_of(wheel_outline(), 0.1F);
  EXPECT_NEAR(ours.wheel.mass, wheel.mass, 1e-7);
  EXPECT_NEAR(ours.wheel.inertia, wheel.I, 1e-7);

  Box2dPhysics heavy(car_definition(1.5));
  EXPECT_FLOAT_EQ(heavy.hull().GetMass(), 1.5F * ours.hull.mass);
  EXPECT_FLOAT_EQ(heavy.hull().GetInertia(), 1.5F * ours.hull.inertia);
  EXPECT_FLOAT_EQ(heavy.wheel(0).GetMass(), ours.wheel.mass);
}

class EachEngine : public testing::TestWithParam<PhysicsEngine> {};
INSTANTIATE_TEST_SUITE_P(CarPhysics, EachEngine,
                         testing::Values(PhysicsEngine::kNative, PhysicsEngine::kBox2d),
                         [](const auto& test) {
                           return test.param == PhysicsEngine::kNative ? "native" : "box2d";
                         });

TEST_P(EachEngine, AStepDependsOnTheBodiesAlone) {
  Car car({}, GetParam());
  Car used({}, GetParam());  // has been elsewhere
  car.place(120.3, -71.9, 2.1);
  used.place(0.0, 0.0, 0.0);
  int at_limits = 0;
  for (int t = 0; t < 400; ++t) {
    steer_hard(used, t + 17);
    used.move();
    steer_hard(car, t);
    car.body.wheels[0].angular_velocity += blow(t);
    at_limits += car.body.hinges[0].limit != Limit::kInactive;
    const CarBodies before = car.body;
    car.move();
    Car fresh({}, GetParam());
    fresh.body = before;
    fresh.move();
    ASSERT_EQ(bits(fresh.body), bits(car.body)) << "a new world, step " << t;
    const CarBodies elsewhere = used.body;
    used.body = before;
    used.move();
    ASSERT_EQ(bits(used.body), bits(car.body)) << "a used world, step " << t;
    used.body = elsewhere;
  }
  EXPECT_GT(at_limits, 10) << "limits are hardly tried";
}

// The bodies are written into the world before each step. A world that keeps its bodies, as Box2D
// intends, moves the same way.
TEST(Box2dPhysics, WritingTheBodiesIntoTheWorldChangesNothing) {
  Car car({}, PhysicsEngine::kBox2d);
  car.place(120.3, -71.9, 2.1);
  Box2dPhysics plain(car_definition());
  CarBodies start = car.body;
  plain.step(start);
  car.move();
  for (int t = 0; t < 400; ++t) {
    steer_hard(car, t);
    for (size_t i = 0; i < 4; ++i) {
      const Vec2 force = car.body.wheels[i].force;
      plain.wheel(i).ApplyForceToCenter({force.x, force.y}, true);
      plain.hinge(i).SetMotorSpeed(
          plain.limited_speed(plain.hinge(i).GetJointAngle(), car.body.hinges[i].motor_speed));
    }
    car.body.wheels[0].angular_velocity += blow(t);
    plain.wheel(0).SetAngularVelocity(plain.wheel(0).GetAngularVelocity() + blow(t));
    car.move();
    plain.world().Step(static_cast<float>(Car::kStep), CarPhysics::kVelocityIterations,
                       CarPhysics::kPositionIterations);
    const auto expect_equal = [t](const Body& ours, const b2Body& theirs) {
      ASSERT_EQ(ours.center.x, theirs.GetWorldCenter().x) << "step " << t;
      ASSERT_EQ(ours.center.y, theirs.GetWorldCenter().y) << "step " << t;
      ASSERT_EQ(ours.angle, theirs.GetAngle()) << "step " << t;
      ASSERT_EQ(ours.velocity.x, theirs.GetLinearVelocity().x) << "step " << t;
      ASSERT_EQ(ours.velocity.y, theirs.GetLinearVelocity().y) << "step " << t;
      ASSERT_EQ(ours.angular_velocity, theirs.GetAngularVelocity()) << "step " << t;
    };
    expect_equal(car.body.hull, plain.hull());
    for (size_t i = 0; i < 4; ++i) expect_equal(car.body.wheels[i], plain.wheel(i));
  }
}

// Box2D itself puts the car to sleep in the same step.
TEST(Box2dPhysics, ACarAtRestLosesItsLastVelocityAsInBox2d) {
  Car car({}, PhysicsEngine::kBox2d);
  car.place(1.0, 2.0, 0.3);
  Box2dPhysics plain(car_definition());
  plain.world().SetAllowSleeping(true);
  CarBodies start = car.body;
  plain.step(start);
  car.move();
  int stopped = 0;
  for (int t = 0; t < 120; ++t) {
    car.gas(t < 3 ? 0.01 : 0.0);
    car.brake(t < 20 ? 0.0 : 1.0);
    car.apply_tyres();
    for (size_t i = 0; i < 4; ++i) {
      const Vec2 force = car.body.wheels[i].force;
      plain.wheel(i).ApplyForceToCenter({force.x, force.y}, true);
      plain.hinge(i).SetMotorSpeed(car.body.hinges[i].motor_speed);
    }
    car.move();
    plain.world().Step(static_cast<float>(Car::kStep), CarPhysics::kVelocityIterations,
                       CarPhysics::kPositionIterations);
    const b2Vec2 theirs = plain.hull().GetLinearVelocity();
    ASSERT_EQ(car.body.hull.velocity.x, theirs.x) << "step " << t;
    ASSERT_EQ(car.body.hull.velocity.y, theirs.y) << "step " << t;
    if (!plain.hull().IsAwake()) {
      ++stopped;
      ASSERT_EQ(car.body.hull.velocity, Vec2{}) << "step " << t;
    }
  }
  EXPECT_GE(stopped, 1);
}

// The reference's recorded drives, a slalom at the hinges' limits among them. docs/car_racing.md
// has the distances; REVERIE_TOL_SCALE=0 prints them.
TEST(Box2dCarRacing, DrivesStayNearTheNativeEngines) {
  for (const Drive& drive : read_drives()) {
    SCOPED_TRACE(drive.name + " seed " + std::to_string(drive.seed));
    StateEnv native(drive.id, drive.options);
    StateEnv box2d(drive.id, with(drive.options));
    native.reset(drive.seed);
    box2d.reset(drive.seed);
    double returns[2] = {};
    double apart = 0.0;
    for (size_t t = 1; t <= drive.steps; ++t) {
      const StepResult ours = take(native, drive, t - 1);
      const StepResult theirs = take(box2d, drive, t - 1);
      returns[0] += ours.reward;
      returns[1] += theirs.reward;
      const std::vector<double> a = native.physics("hull_position");
      const std::vector<double> b = box2d.physics("hull_position");
      apart = std::hypot(a[0] - b[0], a[1] - b[1]);
      if (golden::tolerance() == 0.0 && (t == 10 || t == 100 || t == 400 || t == drive.steps)) {
        std::printf("%s %zu steps: %.2g apart, returns %.2f and %.2f\n", drive.name.c_str(), t,
                    apart, returns[0], returns[1]);
      }
      ASSERT_LE(apart, t <= 10 ? 1e-4 : t <= 100 ? 1e-3 : 0.05) << "step " << t;
      ASSERT_EQ(ours.terminated, theirs.terminated) << "step " << t;
      if (ours.terminated) break;
    }
    EXPECT_NEAR(returns[0], returns[1], 1e-6);
    EXPECT_GT(apart, 0.0) << "both are one engine";
  }
}

// A blow that no motor stops, but Box2D's own limit.
TEST(Box2dPhysics, AWheelDoesNotTurnFarBeyondItsLimit) {
  Car car({}, PhysicsEngine::kBox2d);
  car.place(0.0, 0.0, 0.0);
  float farthest = 0.0F;
  for (int t = 0; t < 100; ++t) {
    car.body.wheels[0].angular_velocity += t % 20 == 0 ? 1000.0F : 0.0F;
    car.apply_tyres();
    car.move();
    farthest = std::max(farthest, std::abs(car.body.hinge_angle(0)));
  }
  EXPECT_GT(farthest, kMaxSteer);
  EXPECT_LE(farthest, kMaxSteer + 0.1F + b2_angularSlop + 0.01F);
}

TEST(Box2dCarRacing, AHardSlalomContinuesBitEqualFromASavedState) {
  StateEnv env("car-racing", kBox2d);
  StateEnv copy("car-racing", kBox2d);
  env.reset(3);
  copy.reset(4);
  const auto slalom = [](TestEnv& e, int t) {
    return e.step(std::vector<float>{t % 50 < 35 ? 1.0F : -1.0F, 0.4F, 0.0F});
  };
  for (int t = 0; t < 150; ++t) slalom(env, t);
  const std::vector<double> saved = env->state();
  copy->set_state(saved);
  EXPECT_EQ(copy->state(), saved);
  for (int t = 150; t < 550; ++t) {
    const double reward = slalom(env, t).reward;
    ASSERT_EQ(slalom(copy, t).reward, reward) << "step " << t;
    ASSERT_EQ(copy.observed_bytes(), env.observed_bytes()) << "step " << t;
  }
  EXPECT_EQ(copy->state(), env->state());
  EXPECT_TRUE(env->spec().exact_state);
}

TEST(Box2dCarRacing, TheNativeEngineGoesOnFromItsStates) {
  StateEnv box2d("car-racing", kBox2d);
  StateEnv native("car-racing");
  const std::vector<float> action = {0.1F, 0.5F, 0.0F};
  box2d.reset(3);
  for (int t = 0; t < 50; ++t) box2d.step(action);
  native->set_state(box2d->state());
  EXPECT_EQ(native.physics("hull_position"), box2d.physics("hull_position"));
  for (int t = 0; t < 50; ++t) {
    EXPECT_EQ(native.step(action).reward, box2d.step(action).reward);
  }
  EXPECT_NEAR(native.physics("hull_position")[0], box2d.physics("hull_position")[0], 1e-3);
  EXPECT_NEAR(native.physics("hull_position")[1], box2d.physics("hull_position")[1], 1e-3);
}

// The hull's position after 40 steps under a factor, in both engines.
std::pair<std::vector<double>, std::vector<double>> drive_both(const std::string& factor) {
  std::pair<std::vector<double>, std::vector<double>> places;
  for (const bool box2d : {false, true}) {
    TestEnv::Options options = {{"set", factor}};
    StateEnv env("car-racing", box2d ? with(options) : options);
    env.reset(9);
    for (int t = 0; t < 40; ++t) env.step(std::vector<float>{0.15F, 0.7F, 0.0F});
    (box2d ? places.second : places.first) = env.physics("hull_position");
  }
  return places;
}

TEST(Box2dCarRacing, EveryFactorOfThePhysicsActsAsInTheNativeEngine) {
  const auto apart = [](const std::vector<double>& a, const std::vector<double>& b) {
    return std::hypot(a[0] - b[0], a[1] - b[1]);
  };
  const auto plain = drive_both("zoom=1");
  int tried = 0;
  for (const Factor& factor : find_env("car-racing").config()->factors()) {
    if (!factor.dynamics) continue;
    const std::string value = factor.name == "start" ? "0.5" : "0.6";
    // The road's friction has no effect on the grass, and vice versa.
    const bool off_road = factor.name == "grass_friction";
    const auto changed = drive_both(factor.name + "=" + value);
    EXPECT_LE(apart(changed.first, changed.second), 0.05) << factor.name;
    if (!off_road) {
      EXPECT_GT(apart(changed.second, plain.second), 0.1) << factor.name;
    }
    ++tried;
  }
  EXPECT_EQ(tried, 5);
}

TEST(Box2dCarRacing, GrassFrictionCounts) {
  StateEnv plain("car-racing", kBox2d);
  StateEnv slippery("car-racing", with({{"set", "grass_friction=0.2"}}));
  for (TestEnv* env : std::initializer_list<TestEnv*>{&plain, &slippery}) {
    env->reset(1);
    for (int t = 0; t < 150; ++t) env->step(std::vector<float>{0.4F, 0.6F, 0.0F});
  }
  EXPECT_GT(plain.metric("wheels_on_grass"), 0.5);
  EXPECT_NE(plain.observed_bytes(), slippery.observed_bytes());
}

TEST(Box2dCarRacing, TheTrackAndTheFirstPictureAreTheSame) {
  StateEnv native("car-racing");
  StateEnv box2d("car-racing", kBox2d);
  native.reset(5);
  box2d.reset(5);
  EXPECT_EQ(native->physics()->constants()[0].values, box2d->physics()->constants()[0].values);
  EXPECT_EQ(box2d.metric("tiles_visited"), 2.0);
  Canvas ours(96, 96);
  Canvas theirs(96, 96);
  native->draw(ours, View::kObservation);
  box2d->draw(theirs, View::kObservation);
  EXPECT_TRUE(std::ranges::equal(ours.pixels(), theirs.pixels()));
}

TEST(Box2dCarRacing, TheDriverFinishesItsLaps) {
  StateEnv env("car-racing", kBox2d);
  constexpr int kTracks = 10;
  double laps = 0.0;
  double sum = 0.0;
  for (uint64_t seed = 300; seed < 300 + kTracks; ++seed) {
    env.reset(seed);
    for (bool ended = false; !ended;) {
      StateObservation state;
      std::memcpy(&state, env.observed<float>().data(), sizeof(state));
      const std::array<float, 3> action = drive(state);
      const StepResult result = env.step(std::vector<float>(action.begin(), action.end()));
      sum += result.reward;
      ended = result.terminated || result.truncated;
    }
    laps += env.metric("success");
  }
  EXPECT_GE(laps / kTracks, 0.9);
  EXPECT_GE(sum / kTracks, 880.0);
}

TEST(Box2dCarRacing, EpisodesDoNotDependOnTheNumberOfThreads) {
  const auto play = [](int threads) {
    TestEnv::Options options = with({{"observation", "state"}, {"max_steps", "25"}});
    ThreadedVectorEnv env(TestEnv::maker("car-racing", options), 7, threads);
    env.reset(77);
    const Field action = action_field(env.spec().action);
    std::vector<float> values(7 * 3);
    std::vector<std::byte> seen;
    Rng rng(5);
    for (int t = 0; t < 60; ++t) {  // two resets each
      for (float& value : values) value = static_cast<float>(rng.uniform(-1.0, 1.0));
      env.step({&action, reinterpret_cast<const std::byte*>(values.data()), 7});
      for (const FieldView& view : env.observations()) {
        seen.insert(seen.end(), view.data, view.data + 7 * view.field->bytes());
      }
    }
    return seen;
  };
  const std::vector<std::byte> one = play(1);
  EXPECT_EQ(play(2), one);
  EXPECT_EQ(play(7), one);
}

TEST_P(EachEngine, AStepAllocatesNothing) {
  const bool box2d = GetParam() == PhysicsEngine::kBox2d;
  const TestEnv::Options options = {{"observation", "both"}, {"max_steps", "10000"}};
  TestEnv env("car-racing", box2d ? with(options) : options);
  // Round and round with spinning wheels: skid marks, grass, all angles.
  const auto slide = [&](int steps) {
    for (int t = 0; t < steps; ++t) {
      const float action[] = {t % 200 < 150 ? 1.0F : -0.5F, t % 90 < 60 ? 1.0F : 0.0F, 0.0F};
      const auto* bytes = reinterpret_cast<const std::byte*>(action);
      ASSERT_FALSE(env->step({&env.action_space(), bytes, 1}, env.views()).terminated);
    }
  };
  env.reset(8);
  // The first picture with something to draw allocates memory for it.
  slide(300);
  const int64_t before_reset = box2d_allocations.load();
  env.reset(8);
  EXPECT_EQ(box2d_allocations.load() > before_reset, box2d) << "nothing is counted";
  const int64_t before = test::allocations();
  const int64_t before_in_box2d = box2d_allocations.load();
  slide(300);
  EXPECT_EQ(test::allocations(), before);
  EXPECT_EQ(box2d_allocations.load(), before_in_box2d);
}

TEST(Box2dPhysics, TheWorldHasRoomForEveryPoseFromTheStart) {
  Box2dPhysics physics(car_definition());
  Car pose;
  const int64_t before = box2d_allocations.load();
  for (int t = 0; t < 2000; ++t) {
    // Each pose is of another drive, so bounding boxes overlap in every possible way.
    pose.place(37.0 * std::sin(0.3 * t), 5.0 * t, 0.05 * t);
    physics.step(pose.body);
  }
  EXPECT_EQ(box2d_allocations.load(), before);
  // Box2D's defaults, except for sleeping, which is counted outside.
  EXPECT_TRUE(physics.world().GetWarmStarting());
  EXPECT_FALSE(physics.world().GetAllowSleeping());
}

TEST(SkidMarks, ATyreWhoseMarkIsForgottenBeginsAnother) {
  Car car;
  for (size_t i = 0; i < 4; ++i) car.body.wheels[i].center.x = static_cast<float>(i);
  SkidMarks marks;
  size_t most = 0;
  for (int t = 0; t < 200; ++t) {
    for (size_t i = 0; i < 4; ++i) {
      car.wheels[i].skids = true;
      // The other wheels go from road to grass and back: 45 marks while the first draws one.
      if (i > 0) car.wheels[i].on_road = t / 2 % 2 == 0;
      car.body.wheels[i].center.y = static_cast<float>(t);
    }
    marks.add(car);
    most = std::max(most, marks.size());
    for (size_t m = 0; m < marks.size(); ++m) {
      const std::span<const Point> points = marks[m].points();
      ASSERT_GE(points.size(), 2U);
      ASSERT_LE(points.size(), 30U);
      for (const Point& point : points) ASSERT_EQ(point.x, points[0].x) << "step " << t;
      for (size_t k = 1; k < points.size(); ++k) ASSERT_EQ(points[k].y, points[k - 1].y + 1.0);
    }
  }
  EXPECT_EQ(most, 30U);
  marks.clear();
  EXPECT_EQ(marks.size(), 0U);
}

TEST(Box2dCarRacing, UnknownPhysicsNamesTheNearest) {
  const std::string message = test::input_error([] {
    TestEnv::maker("car-racing", {{"physics", "box2"}});
  });
  EXPECT_THAT(message, HasSubstr("box2d"));
  EXPECT_THAT(message, HasSubstr("native"));
  EXPECT_THAT(StateEnv("car-racing", kBox2d)->spec().source, HasSubstr("Box2D 2.4"));
  EXPECT_THAT(StateEnv("car-racing")->spec().source, testing::Not(HasSubstr("Box2D")));
}

}  // namespace
}  // namespace reverie::car_racing
