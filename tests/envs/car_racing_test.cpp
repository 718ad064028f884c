#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "drawing/canvas.h"
#include "envs/car_racing/car_racing_env.h"
#include "envs/car_racing/driver.h"
#include "envs/registry.h"
#include "tests/envs/car_drives.h"
#include "tests/errors.h"

namespace reverie::car_racing {
namespace {

using test::input_error;
using testing::HasSubstr;

// Mean absolute difference of all bytes, and the share of pixels within 18 in every channel.
std::pair<double, double> compare_frames(std::span<const uint8_t> ours, const uint8_t* theirs) {
  double sum = 0.0;
  size_t near = 0;
  for (size_t pixel = 0; pixel < ours.size() / 3; ++pixel) {
    int worst = 0;
    for (size_t c = 0; c < 3; ++c) {
      const int difference = std::abs(ours[3 * pixel + c] - theirs[3 * pixel + c]);
      sum += difference;
      worst = std::max(worst, difference);
    }
    near += worst <= 18;
  }
  return {sum / static_cast<double>(ours.size()),
          static_cast<double>(near) / static_cast<double>(ours.size() / 3)};
}

TEST(CarRacingGolden, DrivesAgreeWithTheReference) {
  const std::vector<Drive> drives = read_drives();
  ASSERT_EQ(drives.size(), 7U);
  for (const Drive& drive : drives) {
    SCOPED_TRACE(drive.name + " seed " + std::to_string(drive.seed));
    StateEnv env(drive.id, drive.options);
    env.reset(drive.seed);
    Canvas canvas(96, 96);
    double distance = 0.0;
    double our_return = 0.0;
    double their_return = 0.0;
    size_t frame = 0;
    for (size_t t = 0; t <= drive.steps; ++t) {
      if (t > 0) {
        const StepResult result = take(env, drive, t - 1);
        our_return += result.reward;
        their_return += drive.reward[t - 1];
        const bool left_field = drive.reward[t - 1] == -100.0;
        ASSERT_EQ(result.terminated, left_field) << "step " << t;
      }
      const float* body = drive.body.data() + 6 * t;
      const std::vector<double> position = env.physics("hull_position");
      distance += 0.02 * std::hypot(body[3], body[4]);
      const double off = std::hypot(position[0] - body[0], position[1] - body[1]);
      // The reference's float32 positions are steps of 1.5e-5 apart.
      ASSERT_LE(off, t <= 10 ? 1e-4 : 1e-4 + 2e-4 * distance) << "step " << t;
      const double angle = env.physics("hull_angle", 1)[0];
      ASSERT_NEAR(angle, body[2], t <= 10 ? 1e-5 : 2e-3) << "step " << t;
      if (t <= 10) {
        for (size_t i = 0; i < 4; ++i) {
          ASSERT_NEAR(env.physics("wheel_omega", 4)[i], drive.omega[4 * t + i], 1e-4);
          ASSERT_NEAR(env.physics("wheel_joint_angle", 4)[i], drive.joint[4 * t + i], 1e-5);
        }
      }
      ASSERT_NEAR(env.physics("tile_visited_count", 1)[0], drive.tiles[t], 1) << "step " << t;
      if (frame < drive.frames && static_cast<size_t>(drive.frame_step[frame]) == t) {
        env->draw(canvas, View::kObservation);
        const auto [mean, near] =
            compare_frames(canvas.pixels(), drive.frame.data() + frame * 96 * 96 * 3);
        EXPECT_LE(mean, 1.0) << "frame of step " << t;
        EXPECT_GE(near, 0.985) << "frame of step " << t;
        ++frame;
      }
    }
    EXPECT_EQ(frame, drive.frames);
    EXPECT_NEAR(our_return, their_return, 1e-6);
  }
}

TEST(CarRacingGolden, TheSameSeedGivesTheSameTrack) {
  std::ifstream in(REVERIE_GOLDEN_DIR "/car_racing_tracks.txt");
  int count = 0;
  for (std::string line; std::getline(in, line); ++count) {
    std::istringstream row(line);
    uint64_t seed = 0;
    size_t tiles = 0, kerbs = 0, kerb_sum = 0;
    row >> seed >> tiles >> kerbs >> kerb_sum;
    Rng rng(seed);
    const Track track = make_track(rng);
    ASSERT_EQ(track.size(), tiles) << "seed " << seed;
    size_t our_kerbs = 0, our_sum = 0;
    for (size_t i = 0; i < tiles; ++i) {
      our_kerbs += track.has_kerb[i];
      our_sum += track.has_kerb[i] != 0 ? i : 0;
    }
    EXPECT_EQ(our_kerbs, kerbs) << "seed " << seed;
    EXPECT_EQ(our_sum, kerb_sum) << "seed " << seed;
    for (const size_t i : {size_t{0}, tiles / 2, tiles - 1}) {
      const TrackPoint& point = track.points[i];
      for (const double ours : {point.alpha, point.beta, point.position.x, point.position.y}) {
        double theirs = 0.0;
        row >> theirs;
        EXPECT_NEAR(ours, theirs, 1e-9) << "seed " << seed << " point " << i;
      }
    }
  }
  EXPECT_EQ(count, 123);
}

// Gymnasium's returns of 100 steps, seed by seed.
TEST(CarRacingGolden, ConstantActionsEarnTheReferencesReturns) {
  const std::vector<std::vector<float>> actions = {
      {0.0F, 0.5F, 0.0F}, {0.1F, 0.3F, 0.0F}, {0.0F, 0.7F, 0.1F}, {0.0F, 1.0F, 0.0F}, {0, 0, 0}};
  std::ifstream in(REVERIE_GOLDEN_DIR "/car_racing_returns.txt");
  StateEnv env("car-racing");
  uint64_t seed = 0;
  int count = 0;
  for (; in >> seed; ++count) {
    for (size_t a = 0; a < actions.size(); ++a) {
      double expected = 0.0;
      in >> expected;
      env.reset(seed);
      double sum = 0.0;
      for (int t = 0; t < 100; ++t) sum += env.step(actions[a]).reward;
      EXPECT_NEAR(sum, expected, 1e-4) << "seed " << seed << " action " << a;
    }
  }
  EXPECT_EQ(count, 100);
}

TEST(CarRacing, ResetTouchesTwoTilesAndTheFirstStepPaysThem) {  // quirk
  for (uint64_t seed = 0; seed < 20; ++seed) {
    StateEnv env("car-racing");
    env.reset(seed);
    EXPECT_EQ(env.metric("tiles_visited"), 2.0);
    const double tiles = static_cast<double>(env->physics()->constants()[0].shape[0]);
    const double first = env.step(std::vector<float>{0, 0, 0}).reward;
    EXPECT_NEAR(first, 2000.0 / tiles - 0.1, 1e-9) << "seed " << seed;
  }
}

// Puts the car at the end of a lap: all tiles but the last ones are visited.
std::vector<double> almost_round(TestEnv& env, size_t missing) {
  std::vector<double> state = env->state();
  const auto tiles = static_cast<size_t>(env->physics()->constants()[0].shape[0]);
  const size_t flag_numbers = (Road::kMaxTiles + 15) / 16;
  const size_t first = state.size() - flag_numbers;
  for (size_t i = 0; i < flag_numbers; ++i) state[first + i] = 0.0;
  for (size_t i = 0; i + missing < tiles; ++i) {
    state[first + i / 16] += std::ldexp(3.0, static_cast<int>(3 * (i % 16)));
  }
  return state;
}

TEST(CarRacing, LapRulesEndTheEpisodeAsTheySay) {
  for (const bool fixed : {false, true}) {
    StateEnv env("car-racing", {{"lap_rule", fixed ? "fixed" : "gymnasium"}});
    env.reset(4);
    // The car stands on tile 0 without having touched it since the start, as at the end of a lap.
    // Three of some 300 tiles are missing.
    env->set_state(almost_round(env, 3));
    const StepResult result = env.step(std::vector<float>{0, 0, 0});
    EXPECT_EQ(result.terminated, fixed) << "quirk: the reference's rule never fires";
    EXPECT_EQ(env.metric("success"), fixed ? 1.0 : 0.0);

    env.reset(4);
    env->set_state(almost_round(env, 0));
    EXPECT_TRUE(env.step(std::vector<float>{0, 0, 0}).terminated) << "every tile is visited";
    EXPECT_EQ(env.metric("success"), 1.0);
  }
  StateEnv strict("car-racing", {{"lap_rule", "fixed"}, {"lap_complete_percent", "0.995"}});
  strict.reset(4);
  strict->set_state(almost_round(strict, 3));
  EXPECT_FALSE(strict.step(std::vector<float>{0, 0, 0}).terminated) << "99 percent of the tiles";
}

TEST(CarRacing, StatesThatNoCarCanHaveAreRefused) {
  StateEnv env("car-racing");
  env.reset(2);
  const std::vector<double> good = env->state();
  size_t refused = 0;
  for (size_t i = 0; i < good.size(); ++i) {
    for (const double nonsense : {-1e300, 1e300, 0.5, -7.0}) {
      std::vector<double> bad = good;
      bad[i] = nonsense;
      try {
        env->set_state(bad);
        // Accepted states must be playable.
        env.step(std::vector<float>{0.1F, 0.5F, 0.0F});
        Canvas canvas(32, 32);
        env->draw(canvas, View::kObservation);
        env->draw(canvas, View::kFilm);
      } catch (const Error&) {
        ++refused;
      }
      env->set_state(good);
    }
  }
  EXPECT_GT(refused, good.size()) << "more than one of four numbers";
}

TEST(CarRacing, OffRoadCostIsTakenPerWheelOnGrass) {
  StateEnv plain("car-racing");
  StateEnv costly("car-racing", {{"off_road_cost", "0.25"}});
  plain.reset(1);
  costly.reset(1);
  double difference = 0.0;
  for (int t = 0; t < 200; ++t) {
    const std::vector<float> action = {0.4F, 0.6F, 0.0F};
    const double a = plain.step(action).reward;
    const double b = costly.step(action).reward;
    difference += a - b;
  }
  EXPECT_GT(plain.metric("wheels_on_grass"), 0.5);
  EXPECT_NEAR(difference, 0.25 * 200 * plain.metric("wheels_on_grass"), 1e-9);
}

TEST(CarRacing, OnePedalIsGasAboveZeroAndBrakeBelow) {
  StateEnv separate("car-racing");
  StateEnv joint("car-racing", {{"pedals", "joint"}});
  EXPECT_THAT(std::get<Field>(joint->spec().action).low, testing::ElementsAre(-1.0F, -1.0F));
  separate.reset(4);
  joint.reset(4);
  for (int t = 0; t < 120; ++t) {
    const float steering = t % 40 < 20 ? 0.2F : -0.3F;
    // Beyond the bounds as well; the brake locks the wheels from 0.9 on.
    const float pedal = t < 40 ? 0.75F : t < 80 ? 1.5F : t < 100 ? -0.5F : -1.25F;
    const StepResult a =
        separate.step(std::vector<float>{steering, std::max(pedal, 0.0F), std::max(-pedal, 0.0F)});
    const StepResult b = joint.step(std::vector<float>{steering, pedal});
    ASSERT_EQ(a.reward, b.reward) << t;
    ASSERT_EQ(separate.observed_bytes(), joint.observed_bytes()) << t;
  }
  EXPECT_GT(separate.metric("speed"), 5.0);
  EXPECT_THAT(input_error([&] {
                joint.step(std::vector<float>{0.0F, 1.0F, 0.0F});
              }),
              HasSubstr("action"));
}

TEST(CarRacing, StateObservationShowsTheRoadAhead) {
  StateEnv env("car-racing");
  for (uint64_t seed = 0; seed < 10; ++seed) {
    env.reset(seed);
    const std::vector<float> values = env.observed<float>();
    StateObservation state;
    ASSERT_EQ(values.size(), kStateSize);
    std::memcpy(&state, values.data(), sizeof(state));
    EXPECT_NEAR(state.lateral_offset, 0.0, 0.2);
    EXPECT_NEAR(state.heading_error, 0.0, 0.1);
    // The first point is 3 tiles ahead of the one under the car, in front of it.
    EXPECT_NEAR(state.ahead[0][1], 10.5, 1.0);
    EXPECT_NEAR(state.ahead[0][0], 0.0, 3.0);
    for (const auto& point : state.ahead)
      EXPECT_LE(std::abs(point[2]), 0.0886F) << "0.31 rad in 3.5 units";
  }
}

TEST(CarRacing, FactorsChangePictureAndPhysicsButNotTheTrack) {
  const auto pixels = [](TestEnv& env) {
    Canvas canvas(48, 48);
    env->draw(canvas, View::kObservation);
    return std::vector<uint8_t>(canvas.pixels().begin(), canvas.pixels().end());
  };
  StateEnv plain("car-racing");
  StateEnv painted("car-racing", {{"vary", "road_color,background_color"}});
  StateEnv icy("car-racing", {{"set", "road_friction=0.3"}});
  for (TestEnv* env : std::initializer_list<TestEnv*>{&plain, &painted, &icy}) env->reset(9);
  const auto track = [](TestEnv& env) { return env->physics()->constants()[0].values; };
  EXPECT_EQ(track(plain), track(painted));
  EXPECT_EQ(track(plain), track(icy));
  for (int t = 0; t < 80; ++t) {
    for (TestEnv* env : std::initializer_list<TestEnv*>{&plain, &painted, &icy})
      env->step(std::vector<float>{0.3F, 0.7F, 0.0F});
  }
  EXPECT_EQ(plain.observed_bytes(), painted.observed_bytes());
  EXPECT_NE(pixels(plain), pixels(painted));
  EXPECT_NE(plain.observed_bytes(), icy.observed_bytes());

  // Somewhere else on the same track.
  StateEnv later("car-racing", {{"set", "start=0.5"}});
  later.reset(9);
  EXPECT_EQ(track(plain), track(later));
  EXPECT_EQ(later.metric("tiles_visited"), 2.0);
}

std::vector<float> driven(TestEnv& env) {
  StateObservation state;
  std::memcpy(&state, env.observed<float>().data(), sizeof(state));
  const std::array<float, 3> action = drive(state);
  return {action.begin(), action.end()};
}

// Tiles are forgotten on the way, so the episode does not end with its first lap.
TEST(CarRacing, LapsAreCountedBeyondTheFirstAndBeyondTheStartOfTheTrack) {
  StateEnv env("car-racing", {{"max_steps", "3000"}});
  env.reset(4);
  const size_t flag_numbers = (Road::kMaxTiles + 15) / 16;
  double laps = 0.0;
  for (int t = 0; t < 2400; ++t) {
    const StepResult result = env.step(driven(env));
    ASSERT_FALSE(result.terminated) << t;
    EXPECT_GE(env.metric("laps"), laps) << t;
    laps = env.metric("laps");
    if (t % 100 != 99) continue;
    std::vector<double> state = env->state();
    std::fill(state.end() - static_cast<ptrdiff_t>(flag_numbers), state.end(), 0.0);
    env->set_state(state);
  }
  const double lap_length = 3.5 * static_cast<double>(env->physics()->constants()[0].shape[0]);
  EXPECT_NEAR(laps, std::floor(env.metric("distance") / lap_length), 1.0);
  EXPECT_GE(laps, 2.0);
  EXPECT_EQ(env.metric("success"), 0.0);
}

TEST(Driver, DrivesWithOnePedalAsWithTwo) {
  std::vector<double> rewards[2];
  for (const bool joint : {false, true}) {
    TestEnv env("car-racing", {{"observation", "state"}, {"pedals", joint ? "joint" : "separate"}});
    const std::unique_ptr<Controller> driver =
        find_env("car-racing").controllers.at(0).make(*env.operator->(), 0);
    const Field action = action_field(env->spec().action);
    std::vector<float> chosen(static_cast<size_t>(action.numel()));
    env.reset(6);
    for (int t = 0; t < 300; ++t) {
      const std::vector<ConstFieldView> seen(env.views().begin(), env.views().end());
      driver->act(seen, {&action, reinterpret_cast<std::byte*>(chosen.data()), 1});
      rewards[joint ? 1 : 0].push_back(env.step(chosen).reward);
    }
  }
  EXPECT_EQ(rewards[0], rewards[1]);
}

TEST(Driver, FinishesLapsOnNearlyEveryTrack) {
  StateEnv env("car-racing");
  constexpr int kTracks = 40;
  double laps = 0.0;
  double sum = 0.0;
  for (uint64_t seed = 300; seed < 300 + kTracks; ++seed) {
    env.reset(seed);
    for (bool ended = false; !ended;) {
      const StepResult result = env.step(driven(env));
      sum += result.reward;
      ended = result.terminated || result.truncated;
    }
    laps += env.metric("success");
  }
  EXPECT_GE(laps / kTracks, 0.95);
  EXPECT_GE(sum / kTracks, 900.0);
}

}  // namespace
}  // namespace reverie::car_racing
