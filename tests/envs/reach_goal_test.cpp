// Any environment as the task of reaching the state that a picture shows.

#include "envs/wrappers/reach_goal.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/random.h"
#include "drawing/canvas.h"
#include "envs/threaded_vector_env.h"
#include "tests/envs/episode_fixture.h"
#include "tests/envs/fake_env.h"
#include "tests/errors.h"

namespace reverie {
namespace {

using test::input_error;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

using Tasks = std::vector<ReachGoalTask>;

const std::vector<float> kStay = {0.0F, 0.0F};
const std::vector<float> kPush = {0.0F, 1.0F};  // along y

ReachGoalTask::State still_at(double x, double y) {
  return {{"qpos", {x, y}}, {"qvel", {0.0, 0.0}}};
}

// Along the corridor of the U at x = 3, whose cells are at y = 1, 2 and 3.
ReachGoalTask along(double from, double to) {
  return {.start = still_at(3.0, from), .goal = still_at(3.0, to)};
}

TestEnv::Options pictures(const TestEnv::Options& more = {}) {
  TestEnv::Options options = {{"observation", "both"}, {"set", "goal_marker=hidden"}};
  options.insert(options.end(), more.begin(), more.end());
  return options;
}

EnvMaker reach(const Tasks& tasks, const ReachGoalOptions& options = {},
               std::string_view id = "maze2d-umaze", const TestEnv::Options& inner = pictures()) {
  return reach_goal_maker(TestEnv::maker(id, inner), std::make_shared<const Tasks>(tasks), options);
}

// The picture of a state, drawn by an environment without the wrapper.
std::vector<uint8_t> picture_of(const ReachGoalTask::State& state, uint64_t seed = 0,
                                std::string_view id = "maze2d-umaze",
                                const TestEnv::Options& options = pictures()) {
  TestEnv env(id, options);
  env.reset(seed);
  for (const auto& [name, values] : state) env.set_physics(name, values);
  env->physics()->observe(env.views());
  return env.observed<uint8_t>("pixels");
}

TEST(ReachGoalTest, ShowsThePictureOfTheGoalAndStartsExactly) {
  const ReachGoalTask task = along(1.1, 2.9);
  TestEnv env(reach({task}));
  EXPECT_EQ(env->spec().id, "maze2d-umaze");
  EXPECT_EQ(env->spec().max_steps, 50);
  EXPECT_FALSE(env->spec().reference);
  EXPECT_THAT(env->spec().source, HasSubstr("reach_goal in 50 steps"));
  EXPECT_EQ(env->spec().field("goal_pixels").shape, env->spec().field("pixels").shape);
  env.reset(4);
  EXPECT_THAT(env.observed(), ElementsAre(3.0, 1.1, 0.0, 0.0));
  EXPECT_THAT(env.physics("qpos"), ElementsAre(3.0, 1.1));
  EXPECT_EQ(env.observed<uint8_t>("pixels"), picture_of(task.start));
  EXPECT_EQ(env.observed<uint8_t>("goal_pixels"), picture_of(task.goal));
  EXPECT_NE(env.observed<uint8_t>("goal_pixels"), env.observed<uint8_t>("pixels"));
  env.step(kPush);
  EXPECT_EQ(env.observed<uint8_t>("goal_pixels"), picture_of(task.goal));
}

TEST(ReachGoalTest, TheGoalHasTheLooksOfTheEpisode) {
  const TestEnv::Options looks = {{"observation", "pixels"}, {"vary", "floor_color,camera_angle"}};
  const ReachGoalTask task = along(1.1, 2.9);
  TestEnv env(reach({task}, {}, "maze2d-umaze", looks));
  std::set<std::vector<uint8_t>> goals;
  for (uint64_t seed = 0; seed < 3; ++seed) {
    env.reset(seed);
    const std::vector<uint8_t> goal = env.observed<uint8_t>("goal_pixels");
    EXPECT_EQ(goal, picture_of(task.goal, seed, "maze2d-umaze", looks));
    goals.insert(goal);
  }
  EXPECT_EQ(goals.size(), 3U);
}

TEST(ReachGoalTest, EndsAtTheGoalWithRewardOne) {
  TestEnv env(reach({along(1.1, 2.1)}));
  env.reset(0);
  EXPECT_NEAR(env.metric("goal_distance"), 1.0, 1e-12);
  StepResult result;
  int steps = 0;
  for (; steps < 50 && !result.terminated; ++steps) {
    EXPECT_EQ(result.reward, 0.0);
    EXPECT_GT(env.metric("goal_distance"), 0.5) << "not noticed";
    EXPECT_EQ(env.metric("success"), 0.0);
    result = env.step(kPush);
    EXPECT_EQ(env->physics()->reward(), result.reward);
  }
  EXPECT_LT(steps, 50);
  EXPECT_EQ(result.reward, 1.0);
  EXPECT_FALSE(result.truncated);
  EXPECT_EQ(env.metric("success"), 1.0);
  EXPECT_LE(env.metric("goal_distance"), 0.5) << "D4RL's radius";
  EXPECT_EQ(env.metric("least_goal_distance"), env.metric("goal_distance"));
  EXPECT_NEAR(env.metric("goal_distance"), 2.1 - env.physics("qpos")[1], 1e-12);
  EXPECT_THROW(env.step(kStay), Error);
  env.reset(0);
  EXPECT_FALSE(env.step(kStay).terminated);
}

TEST(ReachGoalTest, TheRadiusIsTheEnvironmentsUnlessGiven) {
  const auto reached = [](const char* id, const ReachGoalOptions& options, double distance) {
    const bool d4rl = std::string_view(id).starts_with("maze2d");
    const ReachGoalTask::State start = d4rl ? still_at(3.0, 1.5) : still_at(-0.5, 1.0);
    ReachGoalTask::State goal = start;
    goal[0].second[d4rl ? 1 : 0] += distance;
    TestEnv env(reach({{.start = start, .goal = goal}}, options, id));
    env.reset(0);
    return env.step(kStay).terminated;
  };
  EXPECT_TRUE(reached("maze2d-umaze", {}, 0.49));
  EXPECT_FALSE(reached("maze2d-umaze", {}, 0.51));
  EXPECT_TRUE(reached("pointmaze-umaze", {}, 0.44));
  EXPECT_FALSE(reached("pointmaze-umaze", {}, 0.46));
  EXPECT_FALSE(reached("maze2d-umaze", {.radius = 0.3}, 0.31));
  EXPECT_TRUE(reached("maze2d-umaze", {.radius = 0.3}, 0.29));
}

TEST(ReachGoalTest, TheBudgetTruncates) {
  TestEnv env(reach({along(1.1, 2.9)}, {.budget = 3}));
  EXPECT_EQ(env->spec().max_steps, 3);
  env.reset(0);
  for (int t = 1; t <= 3; ++t) {
    const StepResult result = env.step(kStay);
    EXPECT_EQ(result.truncated, t == 3);
    EXPECT_FALSE(result.terminated);
    EXPECT_EQ(result.reward, 0.0);
  }
  EXPECT_EQ(env.metric("success"), 0.0);
  EXPECT_THROW(env.step(kStay), Error);
}

TEST(ReachGoalTest, ReachedInTheLastStepIsSuccess) {
  TestEnv env(reach({along(1.5, 1.6)}, {.budget = 1}));
  env.reset(0);
  const StepResult result = env.step(kStay);
  EXPECT_TRUE(result.terminated);
  EXPECT_FALSE(result.truncated);
}

TEST(ReachGoalTest, LeastDistanceRemembersAPass) {
  // To the goal, whose radius is tiny, and back.
  TestEnv env(reach({along(1.1, 1.6)}, {.budget = 300, .radius = 1e-6}));
  env.reset(0);
  for (int t = 0; t < 300; ++t) {
    if (env.step(std::vector<float>{0.0F, env.physics("qpos")[1] < 1.7 ? 1.0F : -1.0F}).truncated) {
      break;
    }
  }
  EXPECT_LT(env.metric("least_goal_distance"), 0.05);
  EXPECT_GE(env.metric("goal_distance"), env.metric("least_goal_distance"));
}

TEST(ReachGoalTest, AnInnerEndTruncatesAndInnerGoalsDoNotCount) {
  // The inner goal lies at the task's start, so the inner task gives a reward, an end and success
  // in step 1.
  const TestEnv::Options inner = {
      {"observation", "both"}, {"set", "goal=-1/1,start=1/1"}, {"continuing_task", "false"}};
  const ReachGoalTask task{.start = still_at(-1.0, 1.0), .goal = still_at(1.0, 1.0)};
  TestEnv ends(reach({task}, {}, "pointmaze-umaze", inner));
  ends.reset(0);
  const StepResult result = ends.step(kStay);
  EXPECT_EQ(result.reward, 0.0);
  EXPECT_FALSE(result.terminated);
  EXPECT_TRUE(result.truncated);
  EXPECT_EQ(ends.metric("success"), 0.0);
  EXPECT_THROW(ends.step(kStay), Error);

  TestEnv clock(reach({along(1.1, 2.9)}, {}, "maze2d-umaze", pictures({{"max_steps", "2"}})));
  EXPECT_EQ(clock->spec().max_steps, 2);
  clock.reset(0);
  EXPECT_FALSE(clock.step(kStay).truncated);
  EXPECT_TRUE(clock.step(kStay).truncated);
}

TEST(ReachGoalTest, WithoutADistanceReportsQposAndNeverEndsEarly) {
  TestEnv cheetah("cheetah-run", {{"observation", "pixels"}});
  cheetah.reset(0);
  const std::vector<double> qpos = cheetah.physics("qpos", 9);
  const std::vector<double> qvel = cheetah.physics("qvel", 9);
  std::vector<double> moved = qpos;
  moved[3] += 0.6;
  const ReachGoalTask task{.start = {{"qpos", qpos}, {"qvel", qvel}},
                           .goal = {{"qpos", moved}, {"qvel", qvel}}};
  const ReachGoalTask same{.start = task.start, .goal = task.start};
  const TestEnv::Options inner = {{"observation", "pixels"}};
  TestEnv env(reach({task, same}, {.budget = 2}, "cheetah-run", inner));
  env.reset(0);
  EXPECT_NEAR(env.metric("goal_distance"), 0.6 / 3.0, 1e-12);
  EXPECT_EQ(env.observed<uint8_t>("goal_pixels"), picture_of(task.goal, 0, "cheetah-run", inner));
  EXPECT_THROW(env.metric("success"), Error);
  env.reset(1);
  EXPECT_EQ(env.metric("goal_distance"), 0.0);
  const std::vector<double> action(static_cast<size_t>(env.action_space().numel()), 0.0);
  EXPECT_FALSE(env.step(action).terminated);
  EXPECT_EQ(env.metric("least_goal_distance"), 0.0);
  EXPECT_TRUE(env.step(action).truncated);
  EXPECT_THAT(input_error([&] { reach({task}, {.radius = 0.5}, "cheetah-run", inner); }),
              AllOf(HasSubstr("radius of 0.5"), HasSubstr("measures no distance")));
}

TEST(ReachGoalTest, PlannersSeeStateAndGoal) {
  const ReachGoalTask task = along(1.1, 2.9);
  TestEnv env(reach({task}, {.planner_fields = true}));
  env.reset(6);
  EXPECT_THAT(env.observed("goal_qpos"), ElementsAre(3.0, 2.9));
  EXPECT_THAT(env.observed("goal_qvel"), ElementsAre(0.0, 0.0));
  // Another simulator continues from the observed state as the environment does.
  for (int t = 0; t < 5; ++t) {
    TestEnv copy("maze2d-umaze", pictures());
    copy.reset(99);
    copy->set_state(env.observed("simulator_state"));
    env.step(kPush);
    copy.step(kPush);
    EXPECT_EQ(env.observed(), copy.observed());
  }
}

TEST(ReachGoalTest, PictureStacksBeginAnew) {
  const ReachGoalTask task = along(1.1, 2.9);
  const TestEnv::Options stacked = pictures({{"frame_stack", "3"}});
  TestEnv env(reach({task}, {}, "maze2d-umaze", stacked));
  env.reset(0);
  EXPECT_EQ(env.observed<uint8_t>("pixels"), picture_of(task.start, 0, "maze2d-umaze", stacked));
  EXPECT_EQ(env.observed<uint8_t>("goal_pixels"),
            picture_of(task.goal, 0, "maze2d-umaze", stacked));
  ReachGoalTask given = task;
  given.picture = picture_of(task.goal);
  TestEnv same(reach({given}, {}, "maze2d-umaze", stacked));
  same.reset(0);
  EXPECT_EQ(same.observed_bytes(), env.observed_bytes());
}

TEST(ReachGoalTest, AGivenPictureMayBeAllThatIsKnownOfTheGoal) {
  ReachGoalTask task{.start = still_at(3.0, 1.1)};
  task.picture.assign(64 * 64 * 3, 7);
  TestEnv env(reach({task}, {.budget = 2}));
  env.reset(0);
  EXPECT_EQ(env.observed<uint8_t>("goal_pixels"), task.picture);
  EXPECT_FALSE(env.step(kStay).terminated);
  EXPECT_TRUE(env.step(kStay).truncated);
  EXPECT_TRUE(env->metrics().empty());
  EXPECT_THAT(input_error([&] { reach({task}, {.planner_fields = true}); }),
              HasSubstr("task 0 has no goal state"));
}

TEST(ReachGoalTest, StateRoundTripContinues) {
  const Tasks tasks = {along(1.1, 2.9), along(2.9, 1.3)};
  const TestEnv::Options inner =
      pictures({{"vary", "floor_color"}, {"sticky_actions", "0.25"}, {"frame_stack", "2"}});
  const EnvMaker make = reach(tasks, {.budget = 40, .planner_fields = true}, "maze2d-umaze", inner);
  TestEnv env(make);
  TestEnv copy(make);
  Rng actions(5);
  env.reset(1);
  for (int t = 0; t < 10; ++t) env.step_random(actions);
  copy.reset(2);
  copy->set_state(env->state());
  EXPECT_EQ(copy->state(), env->state());
  EXPECT_EQ(copy->metrics(), env->metrics());
  Rng same = actions;
  for (int t = 0; t < 30; ++t) {
    const StepResult a = env.step_random(actions);
    const StepResult b = copy.step_random(same);
    ASSERT_EQ(env.observed_bytes(), copy.observed_bytes()) << t;
    ASSERT_EQ(a.truncated, b.truncated);
    ASSERT_EQ(a.terminated, b.terminated);
    if (a.terminated || a.truncated) break;
  }
  const std::vector<double> state = copy->state();
  for (const double bad : {-1.0, 256.0 * 256.0 * 256.0 * 256.0 * 256.0 * 256.0, std::nan("")}) {
    std::vector<double> broken = state;
    broken.back() = bad;
    EXPECT_THROW(copy->set_state(broken), Error);
    EXPECT_EQ(copy->state(), state) << "a refused state changes nothing";
  }
  EXPECT_THROW(copy->set_state(std::span(state).first(10)), Error);
}

TEST(ReachGoalTest, TheSameSeedIsTheSameEpisodeWhateverCameBefore) {
  const EnvMaker make = reach({along(1.1, 2.9), along(2.9, 1.3), along(1.2, 2.0)});
  TestEnv fresh(make);
  TestEnv used(make);
  used.reset(8);
  used.step(kPush);
  fresh.reset(7);
  used.reset(7);
  EXPECT_EQ(fresh->state(), used->state());
  EXPECT_EQ(fresh.observed_bytes(), used.observed_bytes());
  EXPECT_THAT(used.physics("qpos"), ElementsAre(3.0, 2.9)) << "7 mod 3";
}

TEST(ReachGoalTest, PartsThatAreSetAreObservedWithTheGoal) {
  TestEnv env(reach({along(1.1, 2.9)}, {.planner_fields = true}));
  env.reset(0);
  const std::vector<uint8_t> goal = env.observed<uint8_t>("goal_pixels");
  env.set_physics("qpos", {3.0, 2.9});
  env->physics()->observe(env.views());
  EXPECT_EQ(env.observed<uint8_t>("pixels"), goal);
  EXPECT_EQ(env.observed<uint8_t>("goal_pixels"), goal);
  EXPECT_EQ(env->physics()->reward(), 1.0);
  EXPECT_FALSE(env->physics()->outcome(std::vector<double>{0, 0}, std::vector<double>{0, 0}));
}

// Each task once and in order, although there are more tasks than environments.
TEST(ReachGoalTest, TheSeedsFromZeroPlayEachTaskOnce) {
  constexpr size_t kTasks = 10;
  Tasks tasks;
  for (size_t i = 0; i < kTasks; ++i)
    tasks.push_back(along(1.1 + 0.1 * static_cast<double>(i), 2.9));
  std::vector<uint64_t> seeds(kTasks);
  std::iota(seeds.begin(), seeds.end(), 0);
  for (const int64_t lanes : {1, 4, 10}) {
    ThreadedVectorEnv env(reach(tasks, {.budget = 3, .radius = 1e-3}),
                          {.num_envs = lanes, .threads = 2, .episode_seeds = seeds});
    env.reset(17);
    std::vector<double> starts(kTasks, -1.0);
    std::vector<float> actions(static_cast<size_t>(2 * lanes));
    const Field action = action_field(env.spec().action);
    const auto note_starts = [&](int64_t episode) {
      for (int64_t i = 0; i < lanes; ++i) {
        const int64_t number = episode * lanes + i;
        if (number >= static_cast<int64_t>(kTasks)) continue;
        starts[static_cast<size_t>(number)] = env.observations()[0].row(i).as<double>()[1];
      }
    };
    note_starts(0);
    for (int64_t episode = 1; episode * lanes < static_cast<int64_t>(kTasks); ++episode) {
      for (int t = 0; t < 3; ++t) {
        env.step({&action, reinterpret_cast<const std::byte*>(actions.data()), lanes});
      }
      ASSERT_EQ(env.finished().size(), static_cast<size_t>(lanes));
      EXPECT_EQ(env.finished()[0].seed, static_cast<uint64_t>((episode - 1) * lanes));
      note_starts(episode);
    }
    for (size_t i = 0; i < kTasks; ++i) {
      EXPECT_EQ(starts[i], tasks[i].start[0].second[1]) << "task " << i << " of " << lanes;
    }
  }
}

TEST(ReachGoalTest, WhatCannotBeATaskIsRefusedWithItsNumber) {
  const auto refusal = [](const Tasks& tasks, const ReachGoalOptions& options = {}) {
    return input_error([&] { reach(tasks, options); });
  };
  const ReachGoalTask good = along(1.1, 2.9);
  EXPECT_THAT(refusal({}), HasSubstr("no tasks"));
  EXPECT_THAT(refusal({good}, {.budget = 0}), HasSubstr("budget of 0 steps"));
  EXPECT_THAT(refusal({good}, {.radius = -1.0}), HasSubstr("radius of -1 m"));

  ReachGoalTask bad = good;
  bad.goal[0].second.push_back(1.0);
  EXPECT_THAT(refusal({good, bad}), HasSubstr("task 1: goal: qpos of 3 numbers, expected 2"));
  bad = good;
  bad.start[1].second[0] = std::nan("");
  EXPECT_THAT(refusal({good, bad}), HasSubstr("task 1: start: qvel holds nan"));
  bad = good;
  bad.goal.pop_back();
  EXPECT_THAT(refusal({good, bad}), AllOf(HasSubstr("task 1: goal has the parts"),
                                          HasSubstr(R"(expected ["qpos", "qvel"])")));
  EXPECT_THAT(refusal({{.start = {{"qvel", {0, 0}}}, .goal = {{"qvel", {0, 0}}}}}),
              HasSubstr("expected qpos among them"));
  EXPECT_THAT(refusal({{.start = {{"qpos", {3, 1}}, {"qvle", {0, 0}}}}}),
              AllOf(HasSubstr("qvle"), HasSubstr("qvel")));
  EXPECT_THAT(refusal({{.start = good.start}}), HasSubstr("neither a goal state nor its picture"));
  bad = good;
  bad.picture.resize(32 * 32 * 3);
  EXPECT_THAT(refusal({good, bad}), AllOf(HasSubstr("task 1: a goal picture of 3072 bytes"),
                                          HasSubstr("expected 12288"), HasSubstr("64, 64, 3")));
}

// A drive of the car, whose parts can only be read: its positions after 20 and after 30 steps.
struct Drive {
  static constexpr const char* kId = "car-racing";
  static const TestEnv::Options& options() {
    static const TestEnv::Options all = {{"observation", "pixels"}, {"image_size", "32x32"}};
    return all;
  }
  static void accelerate(TestEnv& env, int steps) {
    for (int t = 0; t < steps; ++t) env.step(std::vector<float>{0.1F, 1.0F, 0.0F});
  }

  Drive() {
    TestEnv env(kId, options());
    env.reset(3);
    accelerate(env, 20);
    task.start = {{"hull_position", env.physics("hull_position")}};
    task.start_state = env->state();
    started = env.observed<uint8_t>("pixels");
    accelerate(env, 10);
    task.goal = {{"hull_position", env.physics("hull_position")}};
    task.picture = env.observed<uint8_t>("pixels");
  }

  ReachGoalTask task;
  std::vector<uint8_t> started;
};

TEST(ReachGoalTest, StatesThatCanOnlyBeBroughtBackAsAWhole) {
  const Drive drive;
  const std::vector<double>& from = drive.task.start[0].second;
  const std::vector<double>& to = drive.task.goal[0].second;
  const double apart = std::hypot(to[0] - from[0], to[1] - from[1]);
  ASSERT_GT(apart, 3.0);
  TestEnv env(reach({drive.task}, {}, Drive::kId, Drive::options()));
  for (const int again : {1, 2}) {
    env.reset(0);
    EXPECT_EQ(env.observed<uint8_t>("pixels"), drive.started) << again;
    EXPECT_EQ(env.observed<uint8_t>("goal_pixels"), drive.task.picture);
    EXPECT_NEAR(env.metric("goal_distance"), apart, 1e-12);
    Drive::accelerate(env, 10);
    EXPECT_EQ(env.metric("goal_distance"), 0.0) << "as it was recorded";
    EXPECT_EQ(env.observed<uint8_t>("pixels"), drive.task.picture);
    EXPECT_THROW(env.metric("success"), Error) << "nobody said what is near enough";
  }
  TestEnv near(reach({drive.task}, {.radius = 1.0}, Drive::kId, Drive::options()));
  near.reset(0);
  EXPECT_EQ(near.metric("success"), 0.0);
  int steps = 1;
  while (!near.step(std::vector<float>{0.1F, 1.0F, 0.0F}).terminated) ++steps;
  EXPECT_LE(steps, 10);
  EXPECT_EQ(near.metric("success"), 1.0);

  const auto refusal = [&](const ReachGoalTask& task, const ReachGoalOptions& options = {}) {
    return input_error([&] { reach({task}, options, Drive::kId, Drive::options()); });
  };
  ReachGoalTask bad = drive.task;
  bad.start_state.clear();
  EXPECT_THAT(refusal(bad), AllOf(HasSubstr("task 0"), HasSubstr("can only be read")));
  bad = drive.task;
  bad.picture.clear();
  EXPECT_THAT(refusal(bad), HasSubstr("no picture"));
  EXPECT_THAT(refusal(drive.task, {.planner_fields = true}), HasSubstr("true simulator"));
  ReachGoalTask settable = along(1.1, 2.9);
  settable.start_state = {1.0};
  EXPECT_THAT(input_error([&] { reach({settable}); }), HasSubstr("can be set"));
}

TEST(ReachGoalTest, WhatCannotShowOrSetItsStateIsRefused) {
  const Tasks tasks = {along(1.1, 2.9)};
  EXPECT_THAT(
      input_error([&] { reach(tasks, {}, "maze2d-umaze", {}); }),
      AllOf(HasSubstr("the observation is observation"), HasSubstr("--observation pixels")));
  EXPECT_THAT(input_error([&] { reach(tasks, {}, Drive::kId, Drive::options()); }),
              HasSubstr("the one that says where the body is"));
  const auto shared = std::make_shared<const Tasks>(tasks);
  EXPECT_THAT(input_error([&] { reach_goal_maker(test::fake(), shared, {}); }),
              HasSubstr("does not name"));
  const EnvMaker twice = [&] {
    return std::make_unique<ReachGoal>(TestEnv::maker("maze2d-umaze", pictures())(), shared,
                                       ReachGoalOptions{});
  };
  EXPECT_THAT(input_error([&] { reach_goal_maker(twice, shared, {}); }),
              HasSubstr("field 'goal_pixels' already"));
}

}  // namespace
}  // namespace reverie
