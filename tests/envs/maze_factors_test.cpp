// The factors of variation that the mazes share, with the ball and the ant.

#include "envs/maze/maze_factors.h"

#include <array>
#include <cmath>
#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "drawing/canvas.h"
#include "envs/maze/maze_model.h"
#include "envs/maze2d/point_maze.h"
#include "tests/envs/episode_fixture.h"
#include "tests/errors.h"

namespace reverie {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TestEnv::Options set(const std::string& values) { return {{"set", values}}; }
TestEnv::Options vary(const std::string& names) { return {{"vary", names}}; }

std::vector<double> place_of(TestEnv& env, size_t nq) {
  const std::vector<double> qpos = env.physics("qpos", nq);
  return {qpos[0], qpos[1]};
}

std::string refusal(std::string_view id, const std::string& values) {
  return test::input_error([&] { TestEnv::maker(id, set(values)); });
}

// ---------------------------------------------------------------------------------------------
// Start and goal

struct Family {
  const char* id;
  size_t nq;
  std::vector<double> start, goal;          // free places
  double noise;                             // [m] of a start that is varied
  double cell;                              // [m]
  std::vector<std::array<double, 2>> open;  // places of all free cells
};

// The four conventions in the U of five by five cells.
const std::vector<Family>& families() {
  static const std::vector<Family> list = {
      {"maze2d-umaze",
       2,
       {3.05, 2.2},
       {1.25, 1.5},
       0.1,
       1.0,
       {{1, 1}, {1, 2}, {1, 3}, {2, 3}, {3, 1}, {3, 2}, {3, 3}}},
      {"pointmaze-umaze",
       2,
       {1.2, -0.3},
       {-1.0, 1.25},
       0.25,
       1.0,
       {{-1, 1}, {0, 1}, {1, 1}, {1, 0}, {-1, -1}, {0, -1}, {1, -1}}},
      {"antmaze-umaze",
       15,
       {4.2, -0.3},
       {-5.5, 5.0},
       1.0,
       4.0,
       {{-4, 4}, {0, 4}, {4, 4}, {4, 0}, {-4, -4}, {0, -4}, {4, -4}}},
      {"antmaze-umaze-d4rl",
       15,
       {8.2, 3.7},
       {1.5, -1.0},
       0.1,
       4.0,
       {{0, 0}, {4, 0}, {8, 0}, {8, 4}, {0, 8}, {4, 8}, {8, 8}}},
  };
  return list;
}

TEST(MazeFactors, StartAndGoalAreTakenExactly) {
  for (const Family& family : families()) {
    TestEnv env(family.id, set(fmt::format("start={}/{},goal={}/{}", family.start[0],
                                           family.start[1], family.goal[0], family.goal[1])));
    for (const uint64_t seed : {0, 1, 2}) {
      env.reset(seed);
      EXPECT_EQ(place_of(env, family.nq), family.start) << family.id;
      EXPECT_EQ(env.physics("desired_goal"), family.goal) << family.id;
    }
    EXPECT_FALSE(env->spec().reference.has_value()) << "scores are of the id's own starts";
  }
}

TEST(MazeFactors, AChosenStartLeavesTheTasksGoalAndAChosenGoalItsStart) {
  for (const Family& family : families()) {
    TestEnv plain(family.id);
    TestEnv placed(family.id, set(fmt::format("start={}/{}", family.start[0], family.start[1])));
    TestEnv varied(family.id, vary("start"));
    for (const uint64_t seed : {0, 1, 2, 3}) {
      for (TestEnv* env : {&plain, &placed, &varied}) env->reset(seed);
      EXPECT_EQ(placed.physics("desired_goal"), plain.physics("desired_goal")) << family.id;
      EXPECT_EQ(varied.physics("desired_goal"), plain.physics("desired_goal")) << family.id;
    }
  }
  // D4RL's ball draws its start whatever the goal is.
  TestEnv plain("maze2d-umaze");
  TestEnv moved("maze2d-umaze", vary("goal"));
  for (const uint64_t seed : {0, 1, 2, 3}) {
    plain.reset(seed);
    moved.reset(seed);
    EXPECT_EQ(plain.observed(), moved.observed());
  }
}

TEST(MazeFactors, VariedPlacesAreAllFreeCellsWithTheTasksNoise) {
  constexpr int kEpisodes = 700;
  for (const Family& family : families()) {
    TestEnv env(family.id, vary("start,goal"));
    std::map<std::array<double, 2>, int> starts, goals;
    double widest = 0.0;
    const auto count = [&](std::map<std::array<double, 2>, int>& cells,
                           const std::vector<double>& place, double noise) {
      for (const auto& cell : family.open) {
        const double off = std::max(std::abs(place[0] - cell[0]), std::abs(place[1] - cell[1]));
        if (off > noise) continue;
        widest = std::max(widest, off / noise);
        ++cells[cell];
        return;
      }
      FAIL() << family.id << ": " << place[0] << "/" << place[1] << " is near no cell";
    };
    for (uint64_t seed = 0; seed < kEpisodes; ++seed) {
      env.reset(seed);
      const std::vector<double> start = place_of(env, family.nq);
      const std::vector<double> goal = env.physics("desired_goal");
      count(starts, start, family.noise);
      count(goals, goal, std::string(family.id) == "maze2d-umaze" ? 0.1 : 0.25 * family.cell);
      if (!std::string(family.id).starts_with("maze2d") &&
          !std::string(family.id).ends_with("d4rl")) {
        EXPECT_GT(std::hypot(start[0] - goal[0], start[1] - goal[1]), 0.5 * family.cell);
      }
    }
    ASSERT_EQ(starts.size(), family.open.size()) << family.id;
    ASSERT_EQ(goals.size(), family.open.size()) << family.id;
    for (const auto& [cell, visits] : goals) EXPECT_NEAR(visits, kEpisodes / 7.0, 47.0);  // 5 sigma
    for (const auto& [cell, visits] : starts) EXPECT_NEAR(visits, kEpisodes / 7.0, 60.0);
    EXPECT_GT(widest, 0.99) << family.id;
  }
}

TEST(MazeFactors, PlacesInWallsBeyondReachOrWithoutAStartAreRefused) {
  EXPECT_THAT(refusal("maze2d-umaze", "start=2/1.5"),
              AllOf(HasSubstr("maze2d-umaze: start 2/1.5: touches the wall at line"),
                    HasSubstr("the nearest is at x = 1, y = ")));
  // The ball needs room for its radius: the wall's face is at 0.3 in the coordinates of qpos.
  EXPECT_THAT(refusal("maze2d-umaze", "start=0.35/1"), HasSubstr("the wall at"));
  EXPECT_NO_THROW(TestEnv("maze2d-umaze", set("start=0.41/1")));
  EXPECT_NO_THROW(TestEnv("maze2d-umaze", set("goal=0.35/1")));
  EXPECT_THAT(refusal("antmaze-umaze", "start=5.5/0"),
              AllOf(HasSubstr("wall"), HasSubstr("0.88 m of room")));
  EXPECT_THAT(refusal("antmaze-umaze", "goal=0/0"), HasSubstr("wall"));
  EXPECT_THAT(refusal("pointmaze-umaze", "goal=9/0"), HasSubstr("x/y from"));
  const std::string map = testing::TempDir() + "/factor_map.txt";
  FILE* file = std::fopen(map.c_str(), "w");
  std::fputs("######\n#rG#.#\n######\n", file);
  std::fclose(file);
  const auto refuse_in_map = [&](const std::string& values) {
    return test::input_error([&] {
      TestEnv::maker("pointmaze-umaze", {{"map", map}, {"set", values}});
    });
  };
  EXPECT_THAT(refuse_in_map("goal=1.5/0"), HasSubstr("no way leads"));
  EXPECT_THAT(refuse_in_map("goal=-1.4/0"), HasSubstr("leaves no start"));
  // With a set start it is playable, and varied goals stay away from the only start.
  TestEnv placed("pointmaze-umaze", {{"map", map}, {"set", "goal=-1.4/0,start=-0.5/0"}});
  placed.reset(0);
  TestEnv varied("pointmaze-umaze", {{"map", map}, {"vary", "goal"}});
  for (uint64_t seed = 0; seed < 20; ++seed) {
    varied.reset(seed);
    EXPECT_GT(varied.physics("desired_goal")[0], -1.0);
  }
  std::remove(map.c_str());
}

// ---------------------------------------------------------------------------------------------
// Dynamics

// Velocity along x after one step at full push from rest, semi-implicit in the damping.
double first_velocity(double mass, double damping, double force) {
  constexpr double kDt = 0.01;
  return kDt * force / (mass + kDt * damping);
}

TEST(MazeFactors, MassDampingAndMotorsScaleTheBallsAcceleration) {
  const double mass = 1000.0 * 4.0 / 3.0 * M_PI * 1e-3;
  const auto velocity = [](const TestEnv::Options& options) {
    TestEnv env("pointmaze-open", options);
    env.reset(0);
    env.set_physics("qpos", {0.0, 0.0});
    env.step(std::vector<float>{1.0F, 0.0F});
    return env.physics("qvel")[0];
  };
  EXPECT_NEAR(velocity({}), first_velocity(mass, 1.0, 100.0), 1e-12);
  EXPECT_NEAR(velocity(set("mass_scale=2")), first_velocity(2.0 * mass, 1.0, 100.0), 1e-12);
  EXPECT_NEAR(velocity(set("damping_scale=0.5")), first_velocity(mass, 0.5, 100.0), 1e-12);
  EXPECT_NEAR(velocity(set("gear_scale=1.5")), first_velocity(mass, 1.0, 150.0), 1e-12);
}

TEST(MazeFactors, ABallOfAnotherSizeMeetsTheWallsThere) {
  for (const double radius : {0.05, 0.2}) {
    TestEnv env("pointmaze-open", set(fmt::format("ball_radius={}", radius)));
    env.reset(0);
    env.set_physics("qpos", {0.0, 0.0});
    for (int t = 0; t < 250; ++t) env.step(std::vector<float>{1.0F, 0.3F});
    EXPECT_NEAR(env.physics("qpos")[0], 2.5 - radius, 0.02);
    EXPECT_NEAR(env.physics("qpos")[1], 1.5 - radius, 0.02);
  }
}

// Constants that change back must be those that the compiler made.
TEST(MazeFactors, DynamicsSetToTheirDefaultsAreBitEqual) {
  const std::pair<const char*, const char*> cases[] = {
      {"maze2d-umaze", "mass_scale=1,damping_scale=1,gear_scale=1,ball_radius=0.1"},
      {"antmaze-umaze", "mass_scale=1,damping_scale=1,gear_scale=1,friction=1"}};
  for (const auto& [id, values] : cases) {
    TestEnv plain(id);
    TestEnv copy(id, set(values));
    plain.reset(3);
    copy.reset(3);
    Rng actions(1);
    Rng same(1);
    for (int t = 0; t < 100; ++t) {
      plain.step_random(actions);
      copy.step_random(same);
      ASSERT_EQ(plain.observed_bytes(), copy.observed_bytes()) << id << " step " << t;
    }
  }
}

TEST(MazeFactors, ModelsGoBackToTheirConstants) {
  const auto maze = maze2d::build_point_maze(maze::Convention::kRobotics,
                                             maze::MazeMap::parse("####\n#..#\n####\n", "m"));
  MujocoSimulation simulation(maze->model);
  maze::change_model(
      simulation, {.mass = 2.0, .damping = 0.5, .gear = 3.0, .friction = 0.7, .ball_radius = 0.2});
  const mjModel& changed = simulation.model();
  EXPECT_EQ(changed.body_mass[1], 2.0 * maze->model->body_mass[1]);
  EXPECT_NEAR(changed.dof_invweight0[0], 0.5 * maze->model->dof_invweight0[0], 1e-12);
  EXPECT_EQ(changed.geom_friction[0], 0.7);
  maze::change_model(simulation, {.mass = 1.0});
  EXPECT_EQ(changed.geom_friction[0], maze->model->geom_friction[0]);
  EXPECT_EQ(changed.dof_invweight0[0], maze->model->dof_invweight0[0]);
  const int ball = maze->model->body_geomadr[1];
  EXPECT_EQ(changed.geom_size[3 * ball], 0.1);
  EXPECT_EQ(changed.geom_rbound[ball], maze->model->geom_rbound[ball]);
  for (int i = 0; i < 6 * changed.nbvh; ++i) {
    EXPECT_EQ(changed.bvh_aabb[i], maze->model->bvh_aabb[i]) << i;
  }
}

TEST(MazeFactors, FrictionSlowsASlidingAnt) {
  const auto slide = [](const char* friction) {
    TestEnv env("antmaze-umaze", set(fmt::format("friction={},start=-3/-4", friction)));
    env.reset(0);
    const std::vector<float> rest(8, 0.0F);
    for (int t = 0; t < 40; ++t) env.step(rest);  // it falls on its feet
    std::vector<double> velocity(14, 0.0);
    velocity[0] = 3.0;
    env.set_physics("qvel", velocity);
    const double before = env.physics("qpos", 15)[0];
    for (int t = 0; t < 20; ++t) env.step(rest);
    return env.physics("qpos", 15)[0] - before;
  };
  EXPECT_GT(slide("0.2"), 1.3 * slide("2"));
}

TEST(MazeFactors, EpisodesWithAllVariedRepeatAndContinueFromTheirState) {
  for (const Family& family : families()) {
    const EnvMaker make = TestEnv::maker(family.id, vary("all"));
    TestEnv env(make);
    TestEnv copy(make);
    copy.reset(9);
    Rng actions(2);
    env.reset(5);
    const std::vector<std::byte> first = env.observed_bytes();
    for (int t = 0; t < 30; ++t) env.step_random(actions);
    copy->set_state(env->state());
    EXPECT_EQ(copy->state(), env->state()) << family.id;
    Canvas picture(64, 64);
    Canvas again(64, 64);
    env->draw(picture, View::kObservation);
    copy->draw(again, View::kObservation);
    EXPECT_TRUE(
        std::equal(picture.pixels().begin(), picture.pixels().end(), again.pixels().begin()))
        << family.id;
    Rng same = actions;
    for (int t = 0; t < 30; ++t) {
      if (env.step_random(actions).terminated) break;
      copy.step_random(same);
      ASSERT_EQ(copy.observed_bytes(), env.observed_bytes()) << family.id << " step " << t;
    }
    copy.reset(5);
    EXPECT_EQ(copy.observed_bytes(), first) << family.id;
    std::vector<double> broken = env->state();
    const std::vector<double> before = env->state();
    broken[broken.size() - 24 - 3] = 1e6;  // the last but two of the factors
    EXPECT_THROW(env->set_state(broken), Error) << family.id;
    EXPECT_EQ(env->state(), before) << "a refused state must change nothing";
  }
}

// ---------------------------------------------------------------------------------------------
// Looks

Color pixel(const Canvas& canvas, int x, int y) {
  const uint8_t* rgb = canvas.pixels().data() + 3 * (y * canvas.width() + x);
  return {rgb[0], rgb[1], rgb[2]};
}

// Pixel (x, y) of a 64 x 64 picture of a U of 5 x 5 cells, centred; the goal is in the upper right
// cell, the body in the lower right one.
TEST(MazeFactors, ColoursAreThoseThatWereSet) {
  const std::string colours =
      "background_color=#102030,floor_color=#405060,wall_color=#708090,goal_color=#ff00ff,"
      "body_color=#00ff00";
  const std::pair<const char*, const char*> cases[] = {{"pointmaze-umaze", ",start=1/-1,goal=1/1"},
                                                       {"antmaze-umaze", ",start=4/-4,goal=4/4"}};
  for (const auto& [id, places] : cases) {
    TestEnv env(id, set(colours + places));
    env.reset(0);
    Canvas canvas(64, 64);
    env->draw(canvas, View::kObservation);
    const double cell = 64.0 / 4.28;  // [px]: the outermost walls show in part
    const auto at = [&](double i, double j) {
      return pixel(canvas, static_cast<int>(32 + cell * i), static_cast<int>(32 - cell * j));
    };
    EXPECT_EQ(pixel(canvas, 0, 0), (Color{0x10, 0x20, 0x30})) << id;
    EXPECT_EQ(at(0.6, 0.0), (Color{0x40, 0x50, 0x60})) << id;
    EXPECT_EQ(at(-1.0, 0.0), (Color{0x70, 0x80, 0x90})) << id;
    EXPECT_EQ(at(1.0, -1.0), (Color{0x00, 0xff, 0x00})) << id;
    const Color goal = at(1.0, 1.0);  // see-through
    EXPECT_GT(goal.r, 0x90) << id;
    EXPECT_LT(goal.g, 0x50) << id;
  }
}

TEST(MazeFactors, TheCameraZoomsAndTurnsTheWorldCounterClockwise) {
  const auto body_at = [](const std::string& camera) {
    TestEnv env("pointmaze-umaze", set("body_color=#00ff00,start=1/-1,goal=-1/1" + camera));
    env.reset(0);
    Canvas canvas(200, 200);
    env->draw(canvas, View::kObservation);
    std::array<double, 3> sum{};
    for (int y = 0; y < 200; ++y) {
      for (int x = 0; x < 200; ++x) {
        const Color c = pixel(canvas, x, y);
        if (c.g < 200 || c.r > 100) continue;
        sum[0] += x + 0.5 - 100.0;
        sum[1] += 100.0 - y - 0.5;
        sum[2] += 1.0;
      }
    }
    return std::array<double, 2>{sum[0] / sum[2], sum[1] / sum[2]};
  };
  const auto plain = body_at("");
  EXPECT_GT(plain[0], 30.0);
  EXPECT_LT(plain[1], -30.0);
  const auto zoomed = body_at(",camera_zoom=0.8");
  EXPECT_NEAR(zoomed[0], 0.8 * plain[0], 1.0);
  EXPECT_NEAR(zoomed[1], 0.8 * plain[1], 1.0);
  const auto turned = body_at(",camera_angle=90");
  EXPECT_NEAR(turned[0], -plain[1], 1.0);
  EXPECT_NEAR(turned[1], plain[0], 1.0);
}

TEST(MazeFactors, EveryFloorTextureLooksItsOwnWay) {
  for (const int size : {64, 480}) {
    std::set<std::vector<uint8_t>> pictures;
    for (const char* texture : {"grid", "plain", "checker", "stripes"}) {
      TestEnv env("antmaze-umaze", set(std::string("floor_texture=") + texture));
      env.reset(0);
      Canvas canvas(size, size);
      env->draw(canvas, View::kObservation);
      pictures.emplace(canvas.pixels().begin(), canvas.pixels().end());
    }
    EXPECT_EQ(pictures.size(), size == 64 ? 3U : 4U) << "small pictures have no grid";
  }
}

std::vector<uint8_t> picture_of(TestEnv& env, View view, int size = 64) {
  Canvas canvas(size, size);
  env->draw(canvas, view);
  return {canvas.pixels().begin(), canvas.pixels().end()};
}

TEST(MazeFactors, AHiddenGoalIsNowhereInThePicture) {
  const std::pair<const char*, std::array<const char*, 2>> cases[] = {
      {"maze2d-umaze", {"1.25/1.5", "3/3"}},
      {"pointmaze-umaze", {"-1/1", "1/1"}},
      {"antmaze-umaze", {"-4/4", "4/4"}}};
  for (const auto& [id, goals] : cases) {
    for (const View view : {View::kObservation, View::kFilm}) {
      const auto picture = [&, id = id](const std::string& values) {
        TestEnv env(id, set(values));
        env.reset(3);
        env.set_physics("qvel", std::vector<double>(env->physics()->parts()[1].size, 0.0));
        env.set_physics("qpos", TestEnv(id).physics("qpos", env->physics()->parts()[0].size));
        return picture_of(env, view);
      };
      const auto with_goal = [](const char* goal, const char* marker) {
        return fmt::format("goal={},goal_marker={}", goal, marker);
      };
      EXPECT_NE(picture(with_goal(goals[0], "drawn")), picture(with_goal(goals[1], "drawn"))) << id;
      EXPECT_NE(picture(with_goal(goals[0], "drawn")), picture(with_goal(goals[0], "hidden")))
          << id;
      EXPECT_EQ(picture(with_goal(goals[0], "hidden")), picture(with_goal(goals[1], "hidden")))
          << id;
    }
  }
}

TEST(MazeFactors, AReachedGoalStaysHidden) {
  const auto pictures = [](const char* marker) {
    TestEnv env("maze2d-umaze", set(fmt::format("start=1/1,goal=1/1,goal_marker={}", marker)));
    env.reset(0);
    const std::vector<uint8_t> before = picture_of(env, View::kObservation);
    const std::vector<double> qpos = env.physics("qpos");
    env.step(std::vector<float>{0.0F, 0.0F});
    EXPECT_EQ(env.metric("success"), 1.0);
    env.set_physics("qpos", qpos);
    return std::pair(before, picture_of(env, View::kObservation));
  };
  const auto [red, green] = pictures("drawn");
  EXPECT_NE(red, green);
  const auto [before, after] = pictures("hidden");
  EXPECT_EQ(before, after);
}

TEST(MazeFactors, VaryingAllKeepsTheGoalDrawn) {
  for (const char* names : {"all", "goal_marker"}) {
    TestEnv env("pointmaze-umaze", vary(names));
    std::set<double> seen;
    for (uint64_t seed = 0; seed < 20; ++seed) {
      env.reset(seed);
      // Of the numbers behind the engine's: five colours, the texture, then the marker.
      const std::vector<double> state = env->state();
      const size_t factors = find_env("pointmaze-umaze").config()->factors().size();
      const size_t numbers = factors + 2 * 5 + 2;  // a colour has 3, a place 2
      seen.insert(state[state.size() - 24 - numbers + 3 * 5 + 1]);
    }
    EXPECT_EQ(seen.size(), names == std::string("all") ? 1U : 2U) << names;
  }
}

TEST(MazeFactors, OnlyFilmsHaveShadows) {
  for (const char* id : {"pointmaze-umaze", "antmaze-umaze"}) {
    TestEnv env(id);
    env.reset(0);
    Canvas policy(480, 480);
    Canvas film(480, 480);
    env->draw(policy, View::kObservation);
    env->draw(film, View::kFilm);
    EXPECT_FALSE(std::equal(policy.pixels().begin(), policy.pixels().end(), film.pixels().begin()))
        << id;
  }
}

TEST(MazeFactors, LooksDoNotTouchTheEpisode) {
  for (const char* id : {"maze2d-umaze", "antmaze-umaze"}) {
    TestEnv plain(id);
    TestEnv other(id, vary("background_color,floor_color,wall_color,goal_color,body_color,"
                           "floor_texture,camera_zoom,camera_angle"));
    EXPECT_EQ(plain->spec().reference.has_value(), other->spec().reference.has_value());
    plain.reset(1);
    other.reset(1);
    for (int t = 0; t < 20; ++t) {
      Rng actions(static_cast<uint64_t>(t));
      Rng same = actions;
      plain.step_random(actions);
      other.step_random(same);
      ASSERT_EQ(plain.observed_bytes(), other.observed_bytes()) << id;
    }
    Canvas picture(64, 64);
    Canvas changed(64, 64);
    plain->draw(picture, View::kObservation);
    other->draw(changed, View::kObservation);
    EXPECT_FALSE(
        std::equal(picture.pixels().begin(), picture.pixels().end(), changed.pixels().begin()));
  }
}

}  // namespace
}  // namespace reverie
