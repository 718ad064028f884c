// The ant mazes against recordings of their references, and their rules one by one.

#include <array>
#include <cmath>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "drawing/canvas.h"
#include "envs/ant_maze/ant_drawing.h"
#include "envs/ant_maze/ant_maze_env.h"
#include "envs/ant_maze/ant_world.h"
#include "tests/envs/episode_fixture.h"
#include "tests/envs/golden.h"
#include "tests/errors.h"

namespace reverie::ant_maze {
namespace {

using golden::expect_near;
using golden::read_array;
using golden::row;
using golden::tolerance;
using maze::Convention;
using maze::MazeMap;
using testing::AllOf;
using testing::HasSubstr;

constexpr size_t kForces = 78;
constexpr size_t kForcesEvery = 10;  // steps

// ---------------------------------------------------------------------------------------------
// Golden data. Regenerate with tests/golden/ant_maze.py.

struct Rollout {
  std::string id;
  TestEnv::Options options;
  uint64_t seed = 0;
  bool placed = false;  // row 0 was set as the state after reset(seed)
  size_t steps = 0;
  std::vector<float> action;             // [T, 8]
  std::vector<double> qpos, qvel, goal;  // [T+1, 15], [T+1, 14], [T+1, 2]
  std::vector<double> forces;            // [T / 10, 78] after step 10, 20, ...
  std::vector<double> reward;            // [T]
  std::vector<uint8_t> terminated;       // [T]
};

std::vector<Rollout> read_rollouts() {
  std::ifstream in(REVERIE_GOLDEN_DIR "/ant_maze_rollouts.bin", std::ios::binary);
  std::vector<Rollout> rollouts;
  for (std::string line; std::getline(in, line);) {
    Rollout r;
    const std::vector<std::string> head = golden::split_head(line);
    r.id = head.at(0);
    r.options = golden::parse_options(head.at(1));
    r.seed = std::stoull(head.at(2));
    r.placed = head.at(3) == "1";
    r.steps = std::stoul(head.at(4));
    read_array(in, r.action, r.steps * kMotors);
    read_array(in, r.qpos, (r.steps + 1) * kPositions);
    read_array(in, r.qvel, (r.steps + 1) * kVelocities);
    read_array(in, r.goal, (r.steps + 1) * 2);
    read_array(in, r.forces, r.steps / kForcesEvery * kForces);
    read_array(in, r.reward, r.steps);
    read_array(in, r.terminated, r.steps);
    rollouts.push_back(std::move(r));
  }
  return rollouts;
}

// Observation, goal fields and success of row t.
void expect_row(TestEnv& env, const Rollout& golden, size_t t) {
  const std::vector<double> qpos = row(golden.qpos, t, kPositions);
  const std::vector<double> qvel = row(golden.qvel, t, kVelocities);
  const bool d4rl = golden.id.ends_with("d4rl");
  std::vector<double> expected(qpos.begin() + (d4rl ? 0 : 2), qpos.end());
  expected.insert(expected.end(), qvel.begin(), qvel.end());
  std::vector<double> got = env.observed();
  if (!d4rl) {
    ASSERT_EQ(got.size(), 105U);
    if (t > 0 && t % kForcesEvery == 0) {
      const std::vector<double> forces = row(golden.forces, t / kForcesEvery - 1, kForces);
      expected.insert(expected.end(), forces.begin(), forces.end());
    } else {
      got.resize(expected.size());
    }
  }
  ASSERT_NO_FATAL_FAILURE(expect_near(got, expected, t, "observation"));
  ASSERT_NO_FATAL_FAILURE(expect_near(env.physics("qpos", kPositions), qpos, t, "qpos"));
  ASSERT_NO_FATAL_FAILURE(expect_near(env.physics("qvel", kVelocities), qvel, t, "qvel"));
  ASSERT_NO_FATAL_FAILURE(
      expect_near(env.observed("achieved_goal"), {qpos[0], qpos[1]}, t, "achieved_goal"));
  ASSERT_NO_FATAL_FAILURE(
      expect_near(env.observed("desired_goal"), row(golden.goal, t, 2), t, "desired_goal"));
}

TEST(AntMazeGolden, StateObservationRewardAndSuccessFollowTheRecordings) {
  const std::vector<Rollout> rollouts = read_rollouts();
  ASSERT_EQ(rollouts.size(), 10U);
  bool touched = false;
  std::set<double> goals_of_moving;
  for (const Rollout& golden : rollouts) {
    SCOPED_TRACE(fmt::format("{} seed {}", golden.id, golden.seed));
    TestEnv env(golden.id, golden.options);
    env.reset(golden.seed);
    if (golden.placed) {
      env.set_physics("qpos", row(golden.qpos, 0, kPositions));
      env.set_physics("qvel", row(golden.qvel, 0, kVelocities));
      env->physics()->observe(env.views());
    }
    ASSERT_NO_FATAL_FAILURE(expect_row(env, golden, 0));
    const double radius = golden.id.ends_with("d4rl") ? 0.5 : 0.45;
    for (size_t t = 1; t <= golden.steps; ++t) {
      const StepResult result = env.step(row(golden.action, t - 1, kMotors));
      ASSERT_NEAR(result.reward, golden.reward[t - 1], tolerance()) << "reward at step " << t;
      ASSERT_EQ(result.terminated, golden.terminated[t - 1] != 0) << "at step " << t;
      ASSERT_NO_FATAL_FAILURE(expect_row(env, golden, t));
      const std::vector<double> goal = row(golden.goal, t, 2);
      const bool inside = std::hypot(golden.qpos[t * kPositions] - goal[0],
                                     golden.qpos[t * kPositions + 1] - goal[1]) <= radius;
      ASSERT_EQ(env.metric("success_at_end"), inside ? 1.0 : 0.0) << "at step " << t;
      if (!golden.options.empty() && golden.options[0].first == "reset_target") {
        goals_of_moving.insert(goal[0]);
      }
    }
    for (const double force : golden.forces) touched = touched || std::abs(force) > 0.5;
  }
  EXPECT_TRUE(touched) << "the recordings must have contact forces";
  EXPECT_GE(goals_of_moving.size(), 2U) << "the recording must have a goal that moves";
}

TEST(AntMazeGolden, ResetWithASeedGivesTheReferencesGoalAndStart) {
  std::ifstream in(REVERIE_GOLDEN_DIR "/ant_maze_resets.txt");
  std::map<std::string, EnvMaker> makers;
  std::string name;
  uint64_t seed = 0;
  std::vector<double> goal(2), start(2);
  int count = 0;
  for (; in >> name >> seed >> goal[0] >> goal[1] >> start[0] >> start[1]; ++count) {
    if (!makers.contains(name)) makers[name] = TestEnv::maker(name);
    TestEnv env(makers[name]);
    env.reset(seed);
    EXPECT_EQ(env.observed("desired_goal"), goal) << name << " seed " << seed;
    EXPECT_EQ(env.observed("achieved_goal"), start) << name << " seed " << seed;
  }
  EXPECT_EQ(count, 42);
}

// ---------------------------------------------------------------------------------------------
// Rules

const std::vector<float> kRest(kMotors, 0.0F);

// Puts the ant at that place in the model's initial pose.
void stand_at(TestEnv& env, double x, double y) {
  std::vector<double> qpos = {x, y, 0.75, 1.0};
  qpos.resize(kPositions);
  env.set_physics("qpos", qpos);
  env.set_physics("qvel", std::vector<double>(kVelocities, 0.0));
}

TEST(AntMaze, TimeLimitsStepsAndReferencesAreThoseOfTheId) {
  struct Expected {
    const char* id;
    int64_t max_steps;
    double dt;
    bool reference;
  };
  const Expected table[] = {
      {"antmaze-umaze", 700, 0.05, false},     {"antmaze-umaze-dense", 700, 0.05, false},
      {"antmaze-medium", 1000, 0.05, false},   {"antmaze-large-dense", 1000, 0.05, false},
      {"antmaze-umaze-d4rl", 700, 0.1, true},  {"antmaze-medium-d4rl", 1000, 0.1, true},
      {"antmaze-large-d4rl", 1000, 0.1, true},
  };
  for (const Expected& expected : table) {
    TestEnv env(expected.id);
    EXPECT_EQ(env->spec().max_steps, expected.max_steps) << expected.id;
    EXPECT_EQ(env->spec().dt, expected.dt) << expected.id;
    EXPECT_EQ(env->spec().reference.has_value(), expected.reference) << expected.id;
  }
  EXPECT_FALSE(TestEnv("antmaze-umaze-d4rl", {{"max_steps", "10"}})->spec().reference.has_value());
}

TEST(AntMaze, DenseRewardIsExpOfMinusTheDistance) {
  TestEnv env("antmaze-umaze-dense");
  env.reset(0);
  env.set_physics("desired_goal", {-4.0, 4.0});
  stand_at(env, -3.0, 4.0);
  const double reward = env.step(kRest).reward;
  EXPECT_DOUBLE_EQ(reward, std::exp(-env.metric("distance_to_goal")));
  EXPECT_NEAR(reward, std::exp(-1.0), 1e-3);
}

TEST(AntMaze, D4rlEndsAtTheGoalAndRoboticsGoesOn) {
  for (const char* id : {"antmaze-umaze-d4rl", "antmaze-umaze"}) {
    TestEnv env(id);
    env.reset(0);
    const std::vector<double> goal = env.physics("desired_goal");
    stand_at(env, goal[0] + 0.3, goal[1]);
    const StepResult result = env.step(kRest);
    EXPECT_EQ(result.reward, 1.0) << id;
    EXPECT_EQ(result.terminated, std::string(id).ends_with("d4rl")) << id;
    EXPECT_EQ(env.metric("success"), 1.0) << id;
    EXPECT_EQ(env.metric("time_to_goal"), 1.0) << id;
  }
}

TEST(AntMaze, D4rlStartsAtTheOriginAndDrawsTheGoalInItsCell) {
  TestEnv env("antmaze-medium-d4rl");
  std::set<double> goals;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    env.reset(seed);
    const std::vector<double> obs = env.observed();
    ASSERT_EQ(obs.size(), 29U);
    EXPECT_LE(std::abs(obs[0]), 0.1);
    EXPECT_LE(std::abs(obs[1]), 0.1);
    EXPECT_NEAR(obs[2], 0.75, 0.1);
    for (const double x : env.physics("desired_goal")) {
      EXPECT_GE(x, 20.0);
      EXPECT_LE(x, 21.5);
      goals.insert(x);
    }
  }
  EXPECT_EQ(goals.size(), 80U);
  EXPECT_EQ(env->spec().observation.size(), 1U) << "D4RL does not show the goal";
}

TEST(AntMaze, AnAntOnItsBackGoesOn) {
  TestEnv env("antmaze-umaze");
  env.reset(1);
  std::vector<double> qpos = env.physics("qpos", kPositions);
  qpos[3] = 0.0;
  qpos[4] = 1.0;  // half a turn about x
  env.set_physics("qpos", qpos);
  for (int t = 0; t < 30; ++t) ASSERT_FALSE(env.step(kRest).terminated);
  EXPECT_LT(env.physics("qpos", kPositions)[2], 0.4);
}

TEST(AntMaze, WallsHoldTheTorso) {
  TestEnv env("antmaze-umaze");
  env.reset(0);
  stand_at(env, 4.0, -4.0);
  std::vector<double> velocity(kVelocities, 0.0);
  velocity[0] = 10.0;
  env.set_physics("qvel", velocity);
  for (int t = 0; t < 60; ++t) env.step(kRest);
  EXPECT_GT(env.physics("qpos", kPositions)[0], 4.2);
  EXPECT_LT(env.physics("qpos", kPositions)[0], 6.0 - 0.2) << "the wall's face is at 6";
}

TEST(AntMaze, StateHoldsTheContactForces) {
  const EnvMaker make = TestEnv::maker("antmaze-umaze");
  TestEnv env(make);
  env.reset(3);
  for (int t = 0; t < 60; ++t) env.step(kRest);  // it falls on its feet
  TestEnv copy(make);
  copy.reset(0);
  copy->set_state(env->state());
  copy->physics()->observe(copy.views());
  EXPECT_EQ(copy.observed_bytes(), env.observed_bytes());
  const std::vector<double> obs = env.observed();
  EXPECT_TRUE(std::any_of(obs.begin() + 27, obs.end(), [](double f) { return f != 0.0; }));
}

TEST(AntMaze, SimulatorThatBlowsUpIsAnErrorAndRecoversByReset) {
  TestEnv env("antmaze-umaze");
  env.reset(0);
  const std::vector<std::byte> first = env.observed_bytes();
  stand_at(env, 1e300, 0.0);
  const std::string message = test::run_error([&] { env.step(kRest); });
  EXPECT_THAT(message, AllOf(HasSubstr("antmaze-umaze"), HasSubstr("position")));
  EXPECT_THAT(test::input_error([&] { env.step(kRest); }), HasSubstr("reset()"));
  env.reset(0);
  EXPECT_EQ(env.observed_bytes(), first);
  EXPECT_NO_THROW(env.step(kRest));
}

TEST(AntMaze, MapsThatD4rlsAntCannotPlayAreRefused) {
  const auto refusal = [](const char* text) {
    return test::input_error(
        [&] { build_ant_world(Convention::kD4rl, MazeMap::parse(text, "my.txt")); });
  };
  EXPECT_THAT(refusal("#####\n#..G#\n#####\n"), AllOf(HasSubstr("my.txt"), HasSubstr("0 starts")));
  EXPECT_THAT(refusal("#####\n#r.r#\n#####\n"),
              AllOf(HasSubstr("2 starts"), HasSubstr("line 2, column 4")));
  EXPECT_THAT(refusal("#####\n#r#G#\n#####\n"), HasSubstr("no way leads"));
}

// ---------------------------------------------------------------------------------------------
// Drawing

TEST(AntDrawing, PoseIsThatOfTheModel) {
  const auto world =
      build_ant_world(Convention::kRobotics, MazeMap::parse("####\n#..#\n####\n", "m"));
  const mjModel* model = world->model.get();
  const std::unique_ptr<mjData, MjDataDeleter> data(mj_makeData(model));
  Rng rng(4);
  for (int trial = 0; trial < 20; ++trial) {
    for (int i = 0; i < kPositions; ++i) data->qpos[i] = rng.uniform(-1.5, 1.5);
    mj_kinematics(model, data.get());
    const AntPose pose = ant_pose({data->qpos, kPositions});
    const auto expect_at = [&](const Point3& got, const mjtNum* expected) {
      EXPECT_NEAR(got.x, expected[0], 1e-9);
      EXPECT_NEAR(got.y, expected[1], 1e-9);
      EXPECT_NEAR(got.z, expected[2], 1e-9);
    };
    expect_at(pose.torso, data->xpos + 3);
    for (int leg = 0; leg < 4; ++leg) {
      // World, torso, then three bodies per leg. The last geom of a leg is centred between knee and
      // foot.
      const int shin = 2 + 3 * leg + 2;
      const auto& [hip, knee, foot] = pose.legs[static_cast<size_t>(leg)];
      expect_at(hip, data->xpos + 3 * static_cast<ptrdiff_t>(shin - 1));
      expect_at(knee, data->xpos + 3 * static_cast<ptrdiff_t>(shin));
      const mjtNum* middle =
          data->geom_xpos + 3 * static_cast<ptrdiff_t>(model->body_geomadr[shin]);
      expect_at({(knee.x + foot.x) / 2, (knee.y + foot.y) / 2, (knee.z + foot.z) / 2}, middle);
    }
  }
}

// Mean place of the ant's orange [px] from the top left corner.
std::array<double, 2> ant_centre(const Canvas& canvas) {
  double sum_x = 0.0, sum_y = 0.0, count = 0.0;
  for (int y = 0; y < canvas.height(); ++y) {
    for (int x = 0; x < canvas.width(); ++x) {
      const uint8_t* rgb = canvas.pixels().data() + 3 * (y * canvas.width() + x);
      if (rgb[0] < rgb[2] + 60) continue;
      sum_x += x + 0.5;
      sum_y += y + 0.5;
      count += 1.0;
    }
  }
  REVERIE_CHECK(count > 0, "no ant in the picture");
  return {sum_x / count, sum_y / count};
}

TEST(AntDrawing, TheAntIsWhereTheWorldSaysAndYPointsUp) {
  // The middle of the map in both conventions.
  const std::pair<const char*, std::array<double, 2>> cases[] = {{"antmaze-umaze", {0, 0}},
                                                                 {"antmaze-umaze-d4rl", {4, 4}}};
  for (const auto& [id, middle] : cases) {
    for (const auto& [w, h] : {std::pair{640, 480}, std::pair{64, 64}}) {
      TestEnv env(id);
      env.reset(0);
      env.set_physics("desired_goal", {100.0, 100.0});  // out of the picture
      Canvas canvas(w, h);
      stand_at(env, middle[0], middle[1]);
      env->draw(canvas, View::kObservation);
      const auto centre = ant_centre(canvas);
      EXPECT_NEAR(centre[0], w / 2.0, 1.0) << id;
      EXPECT_NEAR(centre[1], h / 2.0, 1.0) << id;
      stand_at(env, middle[0] + 4.0, middle[1] + 2.0);
      env->draw(canvas, View::kObservation);
      const auto moved = ant_centre(canvas);
      const double scale = (moved[0] - centre[0]) / 4.0;  // [px/m]
      EXPECT_NEAR(centre[1] - moved[1], 2.0 * scale, 1.0) << id << ": y must point up";
      EXPECT_GE(scale * 20.0 / std::min(w, h), 0.9) << id << ": the maze must fill the picture";
    }
  }
}

}  // namespace
}  // namespace reverie::ant_maze
