// The cheetahs against recordings of their references, and their rules one by one.

#include <array>
#include <cmath>
#include <fstream>
#include <numbers>
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "drawing/canvas.h"
#include "envs/cheetah/cheetah_env.h"
#include "envs/cheetah/dm_cheetah.h"
#include "envs/threaded_vector_env.h"
#include "tests/envs/episode_fixture.h"
#include "tests/envs/golden.h"
#include "tests/errors.h"

namespace reverie::cheetah {
namespace {

using golden::expect_near;
using golden::row;
using golden::tolerance;
using testing::AllOf;
using testing::HasSubstr;

constexpr size_t kJoints = 9;
constexpr size_t kMotors = 6;

// ---------------------------------------------------------------------------------------------
// Golden data. Regenerate with tests/golden/cheetah.py.

// Residuals: half-cheetah 0; cheetah-run, recorded with an older MuJoCo, 2e-12.
struct Rollout {
  std::string id;
  uint64_t seed = 0;
  size_t steps = 0;
  std::vector<double> action;         // [T, 6]
  std::vector<double> qpos, qvel;     // [T+1, 9]
  std::vector<double> reward, speed;  // [T]
};

const std::vector<Rollout>& rollouts() {
  static const std::vector<Rollout> all = [] {
    std::ifstream in(REVERIE_GOLDEN_DIR "/cheetah_rollouts.bin", std::ios::binary);
    std::vector<Rollout> read;
    for (std::string line; std::getline(in, line);) {
      Rollout r;
      const std::vector<std::string> head = golden::split_head(line);
      r.id = head.at(0);
      r.seed = std::stoull(head.at(1));
      r.steps = std::stoul(head.at(2));
      golden::read_array(in, r.action, r.steps * kMotors);
      golden::read_array(in, r.qpos, (r.steps + 1) * kJoints);
      golden::read_array(in, r.qvel, (r.steps + 1) * kJoints);
      golden::read_array(in, r.reward, r.steps);
      golden::read_array(in, r.speed, r.steps);
      read.push_back(std::move(r));
    }
    return read;
  }();
  return all;
}

StepResult step_with(TestEnv& env, const std::vector<double>& action) {
  if (env.action_space().dtype == DType::kFloat64) return env.step(action);
  return env.step(std::vector<float>(action.begin(), action.end()));
}

void replay(TestEnv& env, const Rollout& golden) {
  for (size_t t = 0; t <= golden.steps; ++t) {
    if (t > 0) {
      const StepResult result = step_with(env, row(golden.action, t - 1, kMotors));
      ASSERT_NO_FATAL_FAILURE(expect_near({result.reward}, {golden.reward[t - 1]}, t, "reward"));
      ASSERT_FALSE(result.terminated || result.truncated);
    }
    const std::vector<double> qpos = row(golden.qpos, t, kJoints);
    const std::vector<double> qvel = row(golden.qvel, t, kJoints);
    ASSERT_NO_FATAL_FAILURE(expect_near(env.physics("qpos", kJoints), qpos, t, "qpos"));
    ASSERT_NO_FATAL_FAILURE(expect_near(env.physics("qvel", kJoints), qvel, t, "qvel"));
    std::vector<double> seen(qpos.begin() + 1, qpos.end());
    seen.insert(seen.end(), qvel.begin(), qvel.end());
    ASSERT_NO_FATAL_FAILURE(expect_near(env.observed(), seen, t, "observation"));
  }
}

TEST(CheetahGolden, TheSeedAloneGivesTheRecordedEpisode) {
  ASSERT_EQ(rollouts().size(), 4U);
  for (const Rollout& golden : rollouts()) {
    SCOPED_TRACE(fmt::format("{} seed {}", golden.id, golden.seed));
    TestEnv env(golden.id);
    env.reset(golden.seed);
    replay(env, golden);
  }
}

TEST(CheetahGolden, TheFirstRecordedStateGivesTheRecordedEpisode) {
  for (const Rollout& golden : rollouts()) {
    SCOPED_TRACE(fmt::format("{} seed {}", golden.id, golden.seed));
    TestEnv env(golden.id);
    env.reset(golden.seed + 1);
    env.set_physics("qpos", row(golden.qpos, 0, kJoints));
    env.set_physics("qvel", row(golden.qvel, 0, kJoints));
    env->physics()->observe(env.views());
    replay(env, golden);
  }
}

TEST(CheetahGolden, TheSpeedIsThatOfTheReferencesSensor) {
  const PlanarTree tree(*load_cheetah("dm_cheetah.xml"));
  int compared = 0;
  for (const Rollout& golden : rollouts()) {
    for (size_t t = 1; t <= golden.steps && golden.id == "cheetah-run"; ++t, ++compared) {
      ASSERT_NEAR(tree.motion(row(golden.qpos, t, kJoints), row(golden.qvel, t, kJoints)).speed,
                  golden.speed[t - 1], tolerance())
          << "at step " << t;
    }
  }
  EXPECT_EQ(compared, 400);
}

// ---------------------------------------------------------------------------------------------
// The planar tree against MuJoCo's own passes

class CheetahTree : public testing::TestWithParam<const char*> {};

TEST_P(CheetahTree, PosesAndMotionAreMujocosWhateverStateAndMasses) {
  MujocoSimulation simulation(load_cheetah(GetParam()));
  Rng rng(3);
  for (int round = 0; round < 40; ++round) {
    if (round == 20) {
      simulation.change_model([](mjModel& model) {
        model.body_mass[1] *= 1.7;
        model.body_inertia[3 * 5 + 1] *= 2.0;
        model.body_pos[3 * 4] += 0.1;
      });
    }
    for (double& q : simulation.qpos()) q = rng.uniform(-4.0, 4.0);
    for (double& v : simulation.qvel()) v = rng.uniform(-9.0, 9.0);
    const PlanarTree tree(simulation.model());
    mjData& data = simulation.kinematics();
    const mjModel& model = simulation.model();
    mj_comPos(&model, &data);
    mj_comVel(&model, &data);
    mj_subtreeVel(&model, &data);
    const PlanarTree::Motion motion = tree.motion(simulation.qpos(), simulation.qvel());
    ASSERT_NEAR(motion.speed, data.subtree_linvel[3], 1e-12);
    ASSERT_NEAR(motion.angular_momentum, data.subtree_angmom[4], 1e-10);
    const PlanarTree::Poses poses = tree.poses(simulation.qpos());
    for (size_t b = 0; b < PlanarTree::kBodies; ++b) {
      ASSERT_NEAR(poses[b].position.x, data.xpos[3 * (b + 1)], 1e-12) << b;
      ASSERT_NEAR(poses[b].position.y, data.xpos[3 * (b + 1) + 2], 1e-12) << b;
      ASSERT_NEAR(std::sin(poses[b].angle), data.xmat[9 * (b + 1) + 2], 1e-12) << b;
    }
    const PlanarTree::Capsules capsules = tree.capsules(poses);
    for (size_t i = 0; i < PlanarTree::kCapsules; ++i) {
      const size_t geom = i + 1;
      const double half = model.geom_size[3 * geom + 1];
      for (const auto& [end, side] : {std::pair{capsules[i].from, -1.0}, {capsules[i].to, 1.0}}) {
        ASSERT_NEAR(end.x, data.geom_xpos[3 * geom] + side * half * data.geom_xmat[9 * geom + 2],
                    1e-12);
        ASSERT_NEAR(end.y,
                    data.geom_xpos[3 * geom + 2] + side * half * data.geom_xmat[9 * geom + 8],
                    1e-12);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Models, CheetahTree, testing::Values("half_cheetah.xml", "dm_cheetah.xml"),
                         [](const auto& test) {
                           return std::string(test.index == 0 ? "Gymnasium" : "DmControl");
                         });

TEST(Cheetah, AnotherModelIsRefused) {
  const SharedModel other = compile_model("<mujoco/>", "empty.xml");
  EXPECT_THAT(test::input_error([&] { PlanarTree tree(*other); }), HasSubstr("1 bodies"));
}

// ---------------------------------------------------------------------------------------------
// Rules

const std::vector<float> kRest(kMotors, 0.0F);
const std::vector<double> kDmRest(kMotors, 0.0);

TEST(Cheetah, HalfCheetahsOptionsAreTheReferences) {
  TestEnv plain("half-cheetah");
  TestEnv with_x("half-cheetah", {{"exclude_current_positions_from_observation", "false"}});
  plain.reset(4);
  with_x.reset(4);
  std::vector<double> expected = plain.observed();
  expected.insert(expected.begin(), plain.physics("qpos", kJoints)[0]);
  EXPECT_EQ(with_x.observed(), expected);

  TestEnv still("half-cheetah", {{"reset_noise_scale", "0"}});
  still.reset(4);
  EXPECT_THAT(still.observed(), testing::Each(0.0));

  TestEnv weighted("half-cheetah", {{"forward_reward_weight", "3"}, {"ctrl_cost_weight", "2"}});
  weighted.reset(4);
  const std::vector<float> action = {0.5F, -1.0F, 1.0F, 0.25F, 0.0F, -0.75F};
  const double reward = plain.step(action).reward;
  const double squares = 0.25 + 1.0 + 1.0 + 0.0625 + 0.5625;
  EXPECT_NEAR(weighted.step(action).reward, 3.0 * (reward + 0.1 * squares) - 2.0 * squares, 1e-6);

  TestEnv brief("half-cheetah", {{"max_steps", "2"}});
  brief.reset(4);
  EXPECT_FALSE(brief.step(kRest).truncated);
  EXPECT_TRUE(brief.step(kRest).truncated);
  EXPECT_TRUE(plain->spec().reference.has_value());
  EXPECT_FALSE(brief->spec().reference.has_value());
  EXPECT_FALSE(weighted->spec().reference.has_value());
  EXPECT_THROW(TestEnv("half-cheetah", {{"reset_noise_scale", "-1"}}), Error);
}

TEST(Cheetah, ActionsBeyondTheBoundsCostWhatTheBoundsCost) {
  TestEnv inside("half-cheetah");
  TestEnv beyond("half-cheetah");
  inside.reset(1);
  beyond.reset(1);
  EXPECT_EQ(inside.step(std::vector<float>{1, -1, 1, -1, 1, -1}).reward,
            beyond.step(std::vector<float>{9, -9, 1e30F, -2, 1.5F, -1}).reward);

  TestEnv dm_inside("cheetah-run");
  TestEnv dm_beyond("cheetah-run");
  dm_inside.reset(1);
  dm_beyond.reset(1);
  dm_inside.step(std::vector<double>{1, -1, 1, -1, 1, -1});
  dm_beyond.step(std::vector<double>{9, -9, 1e300, -2, 1.5, -1});
  EXPECT_EQ(dm_inside.observed_bytes(), dm_beyond.observed_bytes());
}

// Rewards of all tasks after the same step from the same state, which moves at `velocity` [m/s] and
// turns at `rate` [rad/s] in the air.
double reward_in_flight(const std::string& id, double velocity, double rate) {
  TestEnv env(id);
  env.reset(0);
  std::vector<double> qpos(kJoints, 0.0);
  std::vector<double> qvel(kJoints, 0.0);
  qpos[1] = 5.0;
  qvel[0] = velocity;
  qvel[2] = rate;
  env.set_physics("qpos", qpos);
  env.set_physics("qvel", qvel);
  const double reward = env.step(kDmRest).reward;
  const PlanarTree tree(*load_cheetah("dm_cheetah.xml"));
  const PlanarTree::Motion motion =
      tree.motion(env.physics("qpos", kJoints), env.physics("qvel", kJoints));
  for (const DmTask& task : dm_tasks()) {
    if (task.id != id) continue;
    const double value = task.direction * (task.flip ? motion.angular_momentum : motion.speed);
    EXPECT_NEAR(reward, std::clamp(value / task.target, 0.0, 1.0), 1e-12) << id;
  }
  return reward;
}

TEST(Cheetah, RewardsOfTheDmTasksRiseToTheirTargets) {
  EXPECT_NEAR(reward_in_flight("cheetah-run", 5.0, 0.0), 0.5, 0.03);
  EXPECT_EQ(reward_in_flight("cheetah-run", 11.0, 0.0), 1.0);
  EXPECT_EQ(reward_in_flight("cheetah-run", -5.0, 0.0), 0.0);
  EXPECT_NEAR(reward_in_flight("cheetah-run-backward", -5.0, 0.0), 0.5, 0.03);
  EXPECT_EQ(reward_in_flight("cheetah-run-backward", 5.0, 0.0), 0.0);
  EXPECT_NEAR(reward_in_flight("cheetah-walk", 1.0, 0.0), 0.5, 0.15);
  EXPECT_EQ(reward_in_flight("cheetah-walk", 3.0, 0.0), 1.0);
  EXPECT_GT(reward_in_flight("cheetah-flip", 0.0, 1.0), 0.1);
  EXPECT_EQ(reward_in_flight("cheetah-flip", 0.0, 9.0), 1.0);
  EXPECT_EQ(reward_in_flight("cheetah-flip", 0.0, -9.0), 0.0);
  EXPECT_EQ(reward_in_flight("cheetah-flip-backward", 0.0, -9.0), 1.0);
  EXPECT_EQ(reward_in_flight("cheetah-flip-backward", 0.0, 9.0), 0.0);
}

TEST(Cheetah, DmSeedsCountModulo32Bits) {
  TestEnv one("cheetah-run");
  TestEnv other("cheetah-run");
  one.reset(5);
  other.reset((uint64_t{7} << 32) + 5);
  EXPECT_EQ(one.observed_bytes(), other.observed_bytes());
}

TEST(Cheetah, MetricsAreOfTheEpisodeSoFar) {
  TestEnv env("half-cheetah");
  env.reset(3);
  const double start = env.physics("qpos", kJoints)[0];
  EXPECT_EQ(env.metric("x_velocity"), 0.0);
  double forward = 0.0;
  for (int t = 0; t < 20; ++t) {
    forward += env.step(std::vector<float>(kMotors, t % 4 < 2 ? 0.5F : -0.5F)).reward +
               0.1 * kMotors * 0.25;
  }
  const std::vector<double> qpos = env.physics("qpos", kJoints);
  EXPECT_EQ(env.metric("x_position"), qpos[0]);
  EXPECT_NEAR(env.metric("x_velocity"), (qpos[0] - start) / 1.0, 1e-12);
  EXPECT_NEAR(env.metric("x_velocity"), forward / 20, 1e-6);
  EXPECT_NEAR(env.metric("effort"), kMotors * 0.25, 1e-12);
  std::vector<double> turned = qpos;
  turned[2] += 2.0 * std::numbers::pi;
  const double before = env.metric("turns");
  env.set_physics("qpos", turned);
  EXPECT_NEAR(env.metric("turns"), before + 1.0, 1e-12);
}

TEST(Cheetah, ABlownUpEpisodeNamesItselfAndLeavesTheOthersAlone) {
  const EnvMaker make = TestEnv::maker("half-cheetah");
  TestEnv good(make);
  TestEnv alone(make);
  TestEnv bad(make);
  good.reset(1);
  alone.reset(1);
  Rng actions(2);
  for (int t = 0; t < 30; ++t) {
    bad.reset(2);
    std::vector<double> qvel(kJoints, 0.0);
    qvel[4] = 1e12;
    bad.set_physics("qvel", qvel);
    EXPECT_THAT(test::run_error([&] { bad.step(kRest); }),
                AllOf(HasSubstr("half-cheetah"), HasSubstr("velocity")));
    EXPECT_THAT(test::input_error([&] { bad.step(kRest); }), HasSubstr("reset()"));
    Rng same = actions;
    good.step_random(actions);
    alone.step_random(same);
    ASSERT_EQ(good.observed_bytes(), alone.observed_bytes()) << "at step " << t;
  }
}

TEST(Cheetah, AnyNumberOfThreadsGivesTheSameBits) {
  for (const char* id : {"half-cheetah", "cheetah-run"}) {
    std::vector<std::vector<double>> results;
    for (const int threads : {1, 2, 5}) {
      ThreadedVectorEnv env(
          TestEnv::maker(id, {{"vary", "gravity,torso_mass"}, {"max_steps", "25"}}), 8, threads);
      env.reset(3);
      const Field action = action_field(env.spec().action);
      Rng rng(4);
      for (int t = 0; t < 60; ++t) {
        std::vector<double> wide(8 * kMotors);
        for (double& a : wide) a = rng.uniform(-1.0, 1.0);
        const std::vector<float> narrow(wide.begin(), wide.end());
        const auto* bytes = action.dtype == DType::kFloat64
                                ? reinterpret_cast<const std::byte*>(wide.data())
                                : reinterpret_cast<const std::byte*>(narrow.data());
        env.step({&action, bytes, 8});
      }
      results.push_back(env.snapshot().state);
    }
    EXPECT_EQ(results[1], results[0]) << id;
    EXPECT_EQ(results[2], results[0]) << id;
  }
}

// ---------------------------------------------------------------------------------------------
// Factors of variation

// The state after 40 steps of the same pushes.
std::vector<double> outcome(const std::string& id, const TestEnv::Options& options,
                            uint64_t seed = 5) {
  TestEnv env(id, options);
  env.reset(seed);
  for (int t = 0; t < 40; ++t) {
    std::vector<double> action;
    for (size_t i = 0; i < kMotors; ++i) {
      action.push_back(0.8 * std::sin(0.9 * t + 2.0 * static_cast<double>(i)));
    }
    step_with(env, action);
  }
  return env.observed();
}

TEST(CheetahFactors, DefaultsThatAreSetChangeNoBitAndOthersDo) {
  for (const char* id : {"half-cheetah", "cheetah-run"}) {
    const std::vector<double> plain = outcome(id, {});
    const std::string friction = std::string(id) == "half-cheetah" ? "0.4" : "1";
    EXPECT_EQ(outcome(id, {{"set",
                            "torso_mass=1,joint_damping=1,motor_strength=1,slope=0,"
                            "gravity=9.81"}}),
              plain);
    EXPECT_EQ(outcome(id, {{"set", "friction=" + friction}}), plain);
    EXPECT_EQ(outcome(id, {{"set", "torso_color=#102030,zoom=1.5"}, {"vary", "sky_color"}}), plain);
    std::set<std::vector<double>> results = {plain};
    for (const char* set : {"torso_mass=1.5", "friction=0.1", "friction=1.7", "gravity=5",
                            "joint_damping=0.5", "motor_strength=1.3", "slope=5", "slope=-5"}) {
      EXPECT_TRUE(results.insert(outcome(id, {{"set", set}})).second) << id << " " << set;
    }
  }
}

TEST(CheetahFactors, VariedOnesFollowTheSeed) {
  const TestEnv::Options vary = {{"vary", "all"}};
  EXPECT_EQ(outcome("half-cheetah", vary), outcome("half-cheetah", vary));
  TestEnv env("half-cheetah", vary);
  TestEnv plain("half-cheetah");
  plain.reset(8);
  env.reset(9);
  env.reset(8);
  EXPECT_EQ(env.observed(), plain.observed()) << "factors must leave the task's own draws alone";
  const std::vector<double> first = env->state();
  env.reset(9);
  EXPECT_NE(env->state(), first);
  env->set_state(first);
  TestEnv copy("half-cheetah", vary);
  copy.reset(1);
  copy->set_state(first);
  for (int t = 0; t < 30; ++t) {
    const std::vector<float> action(kMotors, t % 2 == 0 ? 0.7F : -0.9F);
    env.step(action);
    copy.step(action);
    ASSERT_EQ(env.observed_bytes(), copy.observed_bytes()) << "at step " << t;
  }
}

TEST(CheetahFactors, GravityPullsDownTheSlope) {
  // In free fall above the ground.
  TestEnv env("half-cheetah", {{"set", "slope=10,gravity=8"}, {"reset_noise_scale", "0"}});
  env.reset(0);
  env.set_physics("qpos", {0, 6, 0, 0, 0, 0, 0, 0, 0});
  env.step(kRest);
  const double angle = 10.0 * std::numbers::pi / 180.0;
  const std::vector<double> qvel = env.physics("qvel", kJoints);
  EXPECT_NEAR(qvel[0], -8.0 * std::sin(angle) * 0.05, 1e-9) << "uphill is forwards";
  EXPECT_NEAR(qvel[1], -8.0 * std::cos(angle) * 0.05, 1e-9);
}

TEST(CheetahFactors, AreListedAndCheckedByName) {
  const std::unique_ptr<EnvConfig> config = find_env("half-cheetah").config();
  const std::vector<Factor> factors = config->factors();
  ASSERT_EQ(factors.size(), size_t{kSlope} + 1);
  EXPECT_EQ(factors[kFriction].value[0], 0.4);
  EXPECT_EQ(factors[kGravity].value[0], 9.81);
  EXPECT_EQ(find_env("cheetah-run").config()->factors()[kFriction].value[0], 1.0);
  EXPECT_THAT(test::input_error([] {
                TestEnv("half-cheetah", {{"set", "gravty=5"}});
              }),
              AllOf(HasSubstr("half-cheetah"), HasSubstr("gravity")));
  TestEnv varied("half-cheetah", {{"vary", "gravity"}});
  EXPECT_FALSE(varied->spec().reference.has_value());
}

// ---------------------------------------------------------------------------------------------
// Drawing

std::vector<uint8_t> picture(TestEnv& env, int width, int height, View view) {
  Canvas canvas(width, height);
  env->draw(canvas, view);
  return {canvas.pixels().begin(), canvas.pixels().end()};
}

TEST(CheetahDrawing, TheCameraFollowsAndTheGroundMoves) {
  TestEnv env("half-cheetah", {{"reset_noise_scale", "0"}});
  env.reset(0);
  const std::vector<uint8_t> here = picture(env, 64, 64, View::kObservation);
  std::vector<double> qpos = env.physics("qpos", kJoints);
  qpos[0] = 0.2;
  env.set_physics("qpos", qpos);
  const std::vector<uint8_t> there = picture(env, 64, 64, View::kObservation);
  EXPECT_NE(here, there) << "the speed could not be seen";
  const size_t upper = 64 * 40 * 3;
  EXPECT_TRUE(std::equal(here.begin(), here.begin() + upper, there.begin()))
      << "sky and torso stay where they are";
  for (const double x : {1e7, -1e17, 1e300}) {  // nothing to see, but it ends
    qpos[0] = x;
    env.set_physics("qpos", qpos);
    picture(env, 64, 64, View::kObservation);
    picture(env, 640, 480, View::kFilm);
  }
}

TEST(CheetahDrawing, ColoursAndZoomAreThoseOfTheFactors) {
  const auto colors = [](const char* set, View view) {
    TestEnv env("cheetah-run", {{"set", set}});
    env.reset(0);
    std::set<std::array<uint8_t, 3>> seen;
    const std::vector<uint8_t> rgb = picture(env, 200, 150, view);
    for (size_t i = 0; i < rgb.size(); i += 3) seen.insert({rgb[i], rgb[i + 1], rgb[i + 2]});
    return seen;
  };
  for (const View view : {View::kObservation, View::kFilm}) {
    EXPECT_TRUE(colors("torso_color=#ff00ff", view).contains({255, 0, 255}));
    EXPECT_TRUE(colors("limb_color=#0af080", view).contains({10, 240, 128}));
    EXPECT_TRUE(colors("ground_color=#0a141e", view).contains({10, 20, 30}));
    EXPECT_TRUE(colors("sky_color=#f0e0d0", view).contains({240, 224, 208}));
  }
  TestEnv near("cheetah-run", {{"set", "zoom=1.6"}});
  TestEnv far("cheetah-run", {{"set", "zoom=0.6"}});
  near.reset(0);
  far.reset(0);
  EXPECT_NE(picture(near, 64, 64, View::kObservation), picture(far, 64, 64, View::kObservation));
}

}  // namespace
}  // namespace reverie::cheetah
