// The point mazes against recordings of their references, and their rules one by one.

#include <array>
#include <cmath>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "drawing/canvas.h"
#include "envs/mujoco_simulation.h"
#include "tests/envs/episode_fixture.h"
#include "tests/envs/golden.h"

namespace reverie::maze2d {
namespace {

using golden::expect_near;
using golden::read_array;
using golden::row;
using testing::AllOf;
using testing::HasSubstr;

// ---------------------------------------------------------------------------------------------
// Golden data. Regenerate with tests/golden/maze2d.py.

struct Rollout {
  std::string id;
  TestEnv::Options options;
  int64_t seed = 0;  // -1: synchronise with row 0 instead
  size_t steps = 0;
  std::vector<float> action;             // [T, 2]
  std::vector<double> qpos, qvel, goal;  // [T+1, 2]
  std::vector<double> reward;            // [T]
  std::vector<uint8_t> terminated;       // [T]

  std::string name() const { return fmt::format("{} seed {}", id, seed); }
};

std::vector<Rollout> read_rollouts() {
  std::ifstream in(REVERIE_GOLDEN_DIR "/maze2d_rollouts.bin", std::ios::binary);
  std::vector<Rollout> rollouts;
  for (std::string line; std::getline(in, line);) {
    Rollout r;
    const std::vector<std::string> head = golden::split_head(line);
    r.id = head.at(0);
    r.options = golden::parse_options(head.at(1));
    r.seed = std::stoll(head.at(2));
    r.steps = std::stoul(head.at(3));
    read_array(in, r.action, r.steps * 2);
    for (std::vector<double>* rows : {&r.qpos, &r.qvel, &r.goal}) {
      read_array(in, *rows, (r.steps + 1) * 2);
    }
    read_array(in, r.reward, r.steps);
    read_array(in, r.terminated, r.steps);
    rollouts.push_back(std::move(r));
  }
  return rollouts;
}

TEST(Maze2dGolden, StateObservationRewardAndSuccessFollowTheRecordings) {
  const std::vector<Rollout> rollouts = read_rollouts();
  ASSERT_EQ(rollouts.size(), 18U);
  for (const Rollout& golden : rollouts) {
    SCOPED_TRACE(golden.name());
    TestEnv env(golden.id, golden.options);
    env.reset(golden.seed < 0 ? 0 : static_cast<uint64_t>(golden.seed));
    if (golden.seed < 0) {
      env.set_physics("qpos", row(golden.qpos, 0, 2));
      env.set_physics("qvel", row(golden.qvel, 0, 2));
      env.set_physics("desired_goal", row(golden.goal, 0, 2));
    }
    const bool robotics = golden.id.starts_with("pointmaze");
    bool reached = false;
    for (size_t t = 0; t <= golden.steps; ++t) {
      if (t > 0) {
        const StepResult result =
            env.step(std::vector<float>{golden.action[2 * t - 2], golden.action[2 * t - 1]});
        expect_near({result.reward}, {golden.reward[t - 1]}, t, "reward");
        ASSERT_EQ(result.terminated, golden.terminated[t - 1] != 0) << "at step " << t;
        const std::vector<double> at = row(golden.qpos, t, 2);
        const std::vector<double> goal = row(golden.goal, t, 2);
        const bool inside = std::hypot(at[0] - goal[0], at[1] - goal[1]) <= (robotics ? 0.45 : 0.5);
        reached = reached || inside;
        ASSERT_EQ(env.metric("success_at_end"), inside ? 1.0 : 0.0) << "at step " << t;
        ASSERT_EQ(env.metric("success"), reached ? 1.0 : 0.0) << "at step " << t;
      }
      if (golden.seed >= 0 || t > 0) {
        std::vector<double> expected = row(golden.qpos, t, 2);
        for (const double v : row(golden.qvel, t, 2)) expected.push_back(v);
        ASSERT_NO_FATAL_FAILURE(expect_near(env.observed(), expected, t, "observation"));
      }
      ASSERT_NO_FATAL_FAILURE(expect_near(env.physics("qpos"), row(golden.qpos, t, 2), t, "qpos"));
      ASSERT_NO_FATAL_FAILURE(expect_near(env.physics("qvel"), row(golden.qvel, t, 2), t, "qvel"));
      if (!robotics) continue;
      // With reset_target the observation shows a reached goal once more, as the reference's does.
      ASSERT_NO_FATAL_FAILURE(
          expect_near(env.observed("desired_goal"), row(golden.goal, t, 2), t, "desired_goal"));
      ASSERT_NO_FATAL_FAILURE(
          expect_near(env.observed("achieved_goal"), row(golden.qpos, t, 2), t, "achieved_goal"));
    }
  }
}

TEST(Maze2dGolden, ResetWithASeedGivesTheReferencesGoalAndStart) {
  std::ifstream in(REVERIE_GOLDEN_DIR "/maze2d_resets.txt");
  std::map<std::string, EnvMaker> makers;
  std::string name;
  uint64_t seed = 0;
  std::vector<double> goal(2), start(2);
  int count = 0;
  for (; in >> name >> seed >> goal[0] >> goal[1] >> start[0] >> start[1]; ++count) {
    if (!makers.contains(name)) {
      makers[name] =
          name.ends_with(".txt")
              ? TestEnv::maker("pointmaze-open", {{"map", REVERIE_GOLDEN_DIR "/maps/" + name}})
              : TestEnv::maker(name);
    }
    TestEnv env(makers[name]);
    env.reset(seed);
    EXPECT_EQ(env.observed("desired_goal"), goal) << name << " seed " << seed;
    EXPECT_EQ(env.observed(), (std::vector<double>{start[0], start[1], 0.0, 0.0}))
        << name << " seed " << seed;
  }
  EXPECT_EQ(count, 98);
}

// ---------------------------------------------------------------------------------------------
// Rules

const std::vector<float> kRest = {0.0F, 0.0F};

// Reward after one step at rest at that place.
double reward_at(TestEnv& env, const std::vector<double>& position) {
  env.reset(0);
  env.set_physics("qpos", position);
  env.set_physics("qvel", {0.0, 0.0});
  return env.step(kRest).reward;
}

TEST(Maze2d, SparseRewardIsPaidUpToTheRadiusOfEachConvention) {
  TestEnv d4rl("maze2d-umaze");  // goal (1, 1), free along y
  EXPECT_EQ(reward_at(d4rl, {1.0, 1.5}), 1.0);
  EXPECT_EQ(reward_at(d4rl, {1.0, std::nextafter(1.5, 2.0)}), 0.0);
  TestEnv robotics("pointmaze-open");
  const std::vector<double> goal = [&] {
    robotics.reset(0);
    return robotics.physics("desired_goal");
  }();
  const double toward_centre = goal[0] > 0 ? -1.0 : 1.0;
  EXPECT_EQ(reward_at(robotics, {goal[0] + toward_centre * (0.45 - 1e-9), goal[1]}), 1.0);
  EXPECT_EQ(reward_at(robotics, {goal[0] + toward_centre * (0.45 + 1e-9), goal[1]}), 0.0);
}

TEST(Maze2d, DenseRewardIsExpOfMinusTheDistance) {
  TestEnv env("maze2d-umaze-dense");
  EXPECT_EQ(reward_at(env, {1.0, 1.0}), 1.0);
  EXPECT_DOUBLE_EQ(reward_at(env, {1.0, 1.75}), std::exp(-0.75));
}

TEST(Maze2d, TimeLimitsAndReferencesAreThoseOfTheId) {
  struct Expected {
    const char* id;
    int64_t max_steps;
    std::optional<ReferenceReturns> reference;
  };
  const Expected table[] = {
      {"maze2d-open", 150, ReferenceReturns{0.01, 20.66}},
      {"maze2d-umaze", 300, ReferenceReturns{23.85, 161.86}},
      {"maze2d-medium", 600, ReferenceReturns{13.13, 277.39}},
      {"maze2d-large", 800, ReferenceReturns{6.7, 273.99}},
      {"maze2d-open-dense", 150, ReferenceReturns{11.17817, 27.166539}},
      {"maze2d-umaze-dense", 300, ReferenceReturns{68.537689, 193.662856}},
      {"maze2d-medium-dense", 600, ReferenceReturns{44.264742, 297.455255}},
      {"maze2d-large-dense", 800, ReferenceReturns{30.569041, 303.485738}},
      {"pointmaze-open", 300, std::nullopt},
      {"pointmaze-umaze-dense", 300, std::nullopt},
      {"pointmaze-medium", 600, std::nullopt},
      {"pointmaze-large-dense", 800, std::nullopt},
  };
  for (const Expected& expected : table) {
    TestEnv env(expected.id);
    EXPECT_EQ(env->spec().max_steps, expected.max_steps) << expected.id;
    ASSERT_EQ(env->spec().reference.has_value(), expected.reference.has_value()) << expected.id;
    if (!expected.reference) continue;
    EXPECT_NEAR(env->spec().reference->random, expected.reference->random, 1e-6) << expected.id;
    EXPECT_NEAR(env->spec().reference->expert, expected.reference->expert, 1e-6) << expected.id;
  }
}

TEST(Maze2d, GoalIsFixedAtItsCellAndNotObserved) {
  const std::pair<const char*, std::vector<double>> goals[] = {{"maze2d-open", {2, 3}},
                                                               {"maze2d-umaze", {1, 1}},
                                                               {"maze2d-medium", {6, 6}},
                                                               {"maze2d-large", {7, 9}}};
  for (const auto& [id, goal] : goals) {
    TestEnv env(id);
    EXPECT_EQ(env->spec().observation.size(), 1U) << id;
    for (const uint64_t seed : {0, 1, 2}) {
      env.reset(seed);
      EXPECT_EQ(env.physics("desired_goal"), goal) << id;
    }
  }
}

TEST(Maze2d, GoalObservationAddsTheGoalFields) {
  TestEnv env("maze2d-umaze", {{"goal_observation", "true"}});
  env.reset(3);
  EXPECT_EQ(env.observed("desired_goal"), (std::vector<double>{1.0, 1.0}));
  EXPECT_EQ(env.observed("achieved_goal"), env.physics("qpos"));
  env.step(std::vector<float>{1.0F, -1.0F});
  EXPECT_EQ(env.observed("achieved_goal"), env.physics("qpos"));
}

TEST(Maze2d, StartsAreEveryFreeCellWithNoise) {
  TestEnv env("maze2d-umaze");
  std::map<std::pair<long, long>, int> visits;
  double squares = 0.0;
  constexpr int kEpisodes = 1400;
  double widest = 0.0;
  for (uint64_t seed = 0; seed < kEpisodes; ++seed) {
    env.reset(seed);
    const std::vector<double> obs = env.observed();
    const auto cell = std::make_pair(std::lround(obs[0]), std::lround(obs[1]));
    ++visits[cell];
    for (size_t i = 0; i < 2; ++i) {
      const double offset = std::abs(obs[i] - std::round(obs[i]));
      ASSERT_LE(offset, 0.1);
      widest = std::max(widest, offset);
      squares += obs[2 + i] * obs[2 + i];
    }
  }
  const std::vector<std::pair<long, long>> cells = {{1, 1}, {1, 2}, {1, 3}, {2, 3},
                                                    {3, 1}, {3, 2}, {3, 3}};
  ASSERT_EQ(visits.size(), cells.size());
  for (const auto& cell : cells) EXPECT_NEAR(visits[cell], kEpisodes / 7.0, 65.0);  // 5 sigma
  EXPECT_GT(widest, 0.099);
  EXPECT_NEAR(std::sqrt(squares / (2 * kEpisodes)), 0.1, 0.007);  // 5 sigma
}

TEST(Maze2d, ResetTargetDrawsAGoalForEachEpisode) {
  TestEnv env("maze2d-umaze", {{"reset_target", "true"}});
  std::set<std::vector<double>> goals;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    env.reset(seed);
    const std::vector<double> goal = env.physics("desired_goal");
    goals.insert(goal);
    for (const double x : goal) EXPECT_LE(std::abs(x - std::round(x)), 0.1);
  }
  EXPECT_EQ(goals.size(), 20U);
  EXPECT_FALSE(env->spec().reference.has_value()) << "scores are of the fixed goal";
}

TEST(Maze2d, NeverTerminatesAtTheGoal) {
  TestEnv env("maze2d-umaze");
  env.reset(0);
  env.set_physics("qpos", {1.0, 1.0});
  env.set_physics("qvel", {0.0, 0.0});
  double total = 0.0;
  for (int t = 1; t <= 300; ++t) {
    const StepResult result = env.step(kRest);
    ASSERT_FALSE(result.terminated);
    ASSERT_EQ(result.truncated, t == 300);
    total += result.reward;
  }
  EXPECT_EQ(total, 300.0);
}

void rest_at(TestEnv& env, const std::vector<double>& place) {
  env.set_physics("qpos", place);
  env.set_physics("qvel", {0.0, 0.0});
}

TEST(PointMaze, AGoalThatIsDrawnAnewLiesBeyondTheRadius) {
  TestEnv env("pointmaze-umaze", {{"reset_target", "true"}, {"max_steps", "1000"}});
  env.reset(0);
  for (int t = 0; t < 300; ++t) {
    const std::vector<double> goal = env.physics("desired_goal");
    rest_at(env, goal);
    env.step(kRest);
    const std::vector<double> next = env.physics("desired_goal");
    EXPECT_GT(std::hypot(next[0] - goal[0], next[1] - goal[1]), 0.44) << "the radius is 0.45";
  }
}

TEST(PointMaze, TerminatesAtTheGoalAndNeverTruncatesThere) {
  TestEnv env("pointmaze-umaze", {{"continuing_task", "false"}, {"max_steps", "1"}});
  for (const bool at_goal : {true, false}) {
    env.reset(0);
    if (at_goal) rest_at(env, env.physics("desired_goal"));
    const StepResult result = env.step(kRest);
    EXPECT_EQ(result.terminated, at_goal);
    EXPECT_EQ(result.truncated, !at_goal);
  }
}

TEST(PointMaze, TheOutcomeOfAnotherGoalTerminatesWhereAStepWould) {
  const std::vector<double> here = {1.0, 0.5}, near = {1.3, 0.8}, far = {1.4, 0.8};
  for (const bool goes_on : {true, false}) {
    TestEnv env("pointmaze-umaze", {{"continuing_task", goes_on ? "true" : "false"}});
    env.reset(0);
    EXPECT_EQ(env->physics()->outcome(here, near)->terminated, !goes_on);
    EXPECT_FALSE(env->physics()->outcome(here, far)->terminated);
  }
}

TEST(Maze2d, ARestoredEpisodeRemembersItsArrival) {
  TestEnv env("maze2d-umaze"), other("maze2d-umaze");
  env.reset(0);
  env.step(kRest);
  rest_at(env, {1.0, 1.0});
  env.step(kRest);
  rest_at(env, {3.0, 3.0});
  env.step(kRest);
  other.reset(5);
  other->set_state(env->state());
  EXPECT_EQ(other.metric("success"), 1.0);
  EXPECT_EQ(other.metric("success_at_end"), 0.0);
  EXPECT_EQ(other.metric("time_to_goal"), 2.0);
}

TEST(Maze2d, MaxStepsOptionMovesTheClock) {
  TestEnv env("maze2d-umaze", {{"max_steps", "7"}});
  env.reset(0);
  for (int t = 1; t <= 7; ++t) ASSERT_EQ(env.step(kRest).truncated, t == 7);
  EXPECT_FALSE(env->spec().reference.has_value()) << "scores are of the id's own time limit";
}

TEST(Maze2d, MetricsRememberTheFirstArrival) {
  TestEnv env("maze2d-umaze");
  env.reset(0);
  env.set_physics("qpos", {1.0, 2.0});
  env.set_physics("qvel", {0.0, 0.0});
  env.step(kRest);
  EXPECT_EQ(env.metric("success"), 0.0);
  EXPECT_TRUE(std::isnan(env.metric("time_to_goal")));
  EXPECT_DOUBLE_EQ(env.metric("distance_to_goal"), 1.0);
  env.set_physics("qpos", {1.0, 1.25});
  env.step(kRest);
  env.step(kRest);
  env.set_physics("qpos", {1.0, 3.0});
  env.step(kRest);
  EXPECT_EQ(env.metric("success"), 1.0);
  EXPECT_EQ(env.metric("success_at_end"), 0.0);
  EXPECT_EQ(env.metric("time_to_goal"), 2.0);
  EXPECT_DOUBLE_EQ(env.metric("distance_to_goal"), 2.0);
  env.reset(1);
  EXPECT_EQ(env.metric("success"), 0.0);
}

TEST(Maze2d, WallsHoldThePointAtItsRadius) {
  TestEnv env("pointmaze-open");
  env.reset(0);
  env.set_physics("qpos", {0.0, 0.0});
  for (int t = 0; t < 250; ++t) env.step(std::vector<float>{1.0F, 0.3F});
  // The walls' faces are at x = 2.5 and y = 1.5, the ball's radius is 0.1.
  EXPECT_NEAR(env.physics("qpos")[0], 2.4, 0.02);
  EXPECT_NEAR(env.physics("qpos")[1], 1.4, 0.02);
}

TEST(Maze2d, StateTakenWhileTouchingAWallContinuesBitEqual) {
  const EnvMaker make = TestEnv::maker("pointmaze-open-dense", {{"reset_target", "true"}});
  TestEnv env(make);
  env.reset(5);
  env.set_physics("qpos", {2.0, 1.0});
  for (int t = 0; t < 60; ++t) env.step(std::vector<float>{1.0F, 0.9F});
  ASSERT_GT(env.physics("qpos")[0], 2.38);
  TestEnv copy(make);
  copy->set_state(env->state());
  std::set<std::vector<double>> goals;
  for (int t = 0; t < 240; ++t) {
    // Seeks the goal, so that the next ones are drawn from the restored generator.
    const std::vector<double> goal = env.physics("desired_goal");
    const std::vector<double> at = env.physics("qpos");
    const std::vector<double> velocity = env.physics("qvel");
    goals.insert(goal);
    std::vector<float> action;
    for (size_t i = 0; i < 2; ++i) {
      action.push_back(static_cast<float>(6.0 * (goal[i] - at[i]) - velocity[i]));
    }
    const StepResult expected = env.step(action);
    const StepResult result = copy.step(action);
    ASSERT_EQ(result.reward, expected.reward) << "at step " << t;
    ASSERT_EQ(result.truncated, expected.truncated) << "at step " << t;
    ASSERT_EQ(copy.observed_bytes(), env.observed_bytes()) << "at step " << t;
  }
  EXPECT_EQ(copy->state(), env->state());
  EXPECT_GE(goals.size(), 3U) << "the test must draw goals after the state was taken";
}

TEST(Maze2d, StateWithABrokenCounterFlagOrGeneratorIsRefused) {
  TestEnv env("pointmaze-umaze");
  env.reset(1);
  const std::vector<double> good = env->state();
  const size_t task = good.size() - 24;  // goal 2, counters and flags 4, start 6, generator 12
  const std::pair<size_t, double> broken[] = {{2, -1.0}, {2, 0.5},           {3, 1e300}, {4, 2.0},
                                              {5, -1.0}, {12, 4294967296.0}, {19, 0.5}};
  for (const auto& [index, value] : broken) {
    std::vector<double> bad = good;
    bad[task + index] = value;
    EXPECT_THROW(env->set_state(bad), Error) << "element " << index;
    EXPECT_EQ(env->state(), good) << "element " << index;
  }
}

TEST(Maze2d, SimulatorThatBlowsUpIsAnErrorAndRecoversByReset) {
  TestEnv env("maze2d-umaze");
  env.reset(0);
  const std::vector<std::byte> first = env.observed_bytes();
  env.set_physics("qpos", {1e300, 0.0});
  try {
    env.step(kRest);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kRun);
    EXPECT_THAT(error.what(), AllOf(HasSubstr("maze2d-umaze"), HasSubstr("position")));
  }
  try {
    env.step(kRest);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInput) << "the episode is over: " << error.what();
  }
  env.reset(0);
  EXPECT_EQ(env.observed_bytes(), first);
  EXPECT_NO_THROW(env.step(kRest));
}

// ---------------------------------------------------------------------------------------------
// Drawing

std::array<int, 3> pixel(const Canvas& canvas, int x, int y) {
  const size_t at =
      3 * (static_cast<size_t>(y) * static_cast<size_t>(canvas.width()) + static_cast<size_t>(x));
  return {canvas.pixels()[at], canvas.pixels()[at + 1], canvas.pixels()[at + 2]};
}

// Mean place of the ball's blue among all pixels, [px] from the top left corner.
std::array<double, 2> ball_centre(const Canvas& canvas) {
  double sum_x = 0.0, sum_y = 0.0, count = 0.0;
  for (int y = 0; y < canvas.height(); ++y) {
    for (int x = 0; x < canvas.width(); ++x) {
      const auto [r, g, b] = pixel(canvas, x, y);
      if (b < 180 || r > 80 || g > 150) continue;
      sum_x += x + 0.5;
      sum_y += y + 0.5;
      count += 1.0;
    }
  }
  REVERIE_CHECK(count > 0, "no ball in the picture");
  return {sum_x / count, sum_y / count};
}

TEST(MazeDrawing, TheBallIsWhereTheWorldSaysInBothConventions) {
  // World point in the middle of the map, and the map's size along x and y [m].
  struct Case {
    const char* id;
    std::vector<double> middle;
    double width, height;
  };
  // D4RL: cells are centred on their numbers plus 1, the ball on qpos plus 1.2.
  const Case cases[] = {{"maze2d-open", {1.8, 2.8}, 5, 7}, {"pointmaze-open", {0, 0}, 7, 5}};
  for (const auto& [id, middle, width, height] : cases) {
    for (const auto& [w, h] : {std::pair{640, 480}, std::pair{64, 64}, std::pair{301, 707}}) {
      TestEnv env(id);
      env.reset(0);
      env.set_physics("qvel", {0.0, 0.0});
      Canvas canvas(w, h);
      env.set_physics("desired_goal", {100.0, 100.0});  // out of the picture
      env.set_physics("qpos", middle);
      env->draw(canvas, View::kObservation);
      const auto centre = ball_centre(canvas);
      EXPECT_NEAR(centre[0], w / 2.0, 1.0) << id;
      EXPECT_NEAR(centre[1], h / 2.0, 1.0) << id;
      env.set_physics("qpos", {middle[0] + 1.0, middle[1] + 0.5});
      env->draw(canvas, View::kObservation);
      const auto moved = ball_centre(canvas);
      const double scale = moved[0] - centre[0];  // [px/m]
      EXPECT_NEAR(centre[1] - moved[1], 0.5 * scale, 1.0) << id << ": y must point up";
      EXPECT_LE(scale * (width - 1.0), w) << id << ": the maze must fit";
      EXPECT_LE(scale * (height - 1.0), h) << id << ": the maze must fit";
      EXPECT_GE(std::max(scale * width / w, scale * height / h), 0.9) << id << ": and fill it";
    }
  }
}

TEST(MazeDrawing, AReachedGoalTurnsGreen) {
  TestEnv env("maze2d-umaze");
  for (const int size : {480, 64}) {
    Canvas canvas(size, size);
    env.reset(0);
    const auto greener_than_red = [&] {
      env->draw(canvas, View::kObservation);
      int red = 0, green = 0;
      for (int y = 0; y < size; ++y) {
        for (int x = 0; x < size; ++x) {
          const auto [r, g, b] = pixel(canvas, x, y);
          red += r > g + 20 && r > b + 20;
          green += g > r + 20 && g > b + 10;
        }
      }
      EXPECT_GT(red + green, size * size / 100);
      return green > red;
    };
    env.set_physics("qpos", {1.0, 3.0});
    env.step(kRest);
    EXPECT_FALSE(greener_than_red());
    env.set_physics("qpos", {1.0, 1.0});
    env.step(kRest);
    EXPECT_TRUE(greener_than_red());
  }
}

}  // namespace
}  // namespace reverie::maze2d
