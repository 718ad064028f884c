#include "envs/maze/shortest_path.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "envs/maze/waypoint.h"
#include "envs/maze/waypoint_driver.h"
#include "tests/envs/episode_fixture.h"

namespace reverie::maze {
namespace {

constexpr double kRadius = 0.45;  // of Gymnasium-Robotics' goals

MazeLayout layout_of(const std::string& map, double cell = 1.0) {
  return robotics_layout(MazeMap::parse(map, "test map"), cell);
}

// Cells at x, y of -1, 0 and 1. The wall in the middle ends at x = 0.5.
constexpr const char* kU = "#####\n#...#\n###.#\n#...#\n#####\n";

TEST(ShortestPath, IsStraightWhereNothingIsInTheWay) {
  const MazeLayout open = layout_of("#####\n#...#\n#...#\n#...#\n#####\n");
  const ShortestPath euclid(open, PathNorm::kEuclidean), maximum(open, PathNorm::kMaximum);
  EXPECT_NEAR(euclid.to_goal({-1.0, -1.0}, {1.0, 0.5}), 2.5 - kRadius, 1e-12);
  EXPECT_NEAR(maximum.to_goal({-1.0, -1.0}, {1.0, 0.5}), 2.0 - kRadius, 1e-12);
  EXPECT_EQ(euclid.to_goal({0.0, 0.0}, {0.1, 0.1}), 0.0) << "already there";
}

// From (-1, 1) past the corners (0.5, 0.5) and (0.5, -0.5) to (-1, -1), a hair off the corners.
TEST(ShortestPath, BendsAroundCorners) {
  const MazeLayout u = layout_of(kU);
  const double bent = 2.0 * std::hypot(1.5, 0.5) + 1.0 - kRadius;
  const double euclid = ShortestPath(u, PathNorm::kEuclidean).to_goal({-1, 1}, {-1, -1});
  EXPECT_GE(euclid, bent);
  EXPECT_LT(euclid, bent + 0.04);
  const double maximum = ShortestPath(u, PathNorm::kMaximum).to_goal({-1, 1}, {-1, -1});
  EXPECT_GE(maximum, 4.0 - kRadius);
  EXPECT_LT(maximum, 4.05 - kRadius);
}

TEST(ShortestPath, GrowsWithTheCells) {
  const double small = ShortestPath(layout_of(kU), PathNorm::kEuclidean).to_goal({-1, 1}, {-1, -1});
  const double large =
      ShortestPath(layout_of(kU, 4.0), PathNorm::kEuclidean).to_goal({-4, 4}, {-4, -4});
  EXPECT_NEAR(large + kRadius, 4.0 * (small + kRadius), 1e-9);
}

TEST(ShortestPath, AGoalBesideACornerMayBeReachedAroundIt) {
  const ShortestPath paths(layout_of(kU), PathNorm::kEuclidean);
  const Position near_corner = {0.9, 0.6};  // 0.41 m from (0.5, 0.5)
  EXPECT_NEAR(paths.to_goal({1.0, -1.0}, near_corner),
              std::hypot(0.1, 1.6) - std::sqrt(2.0) * kRadius, 1e-9);
}

TEST(ShortestPath, DoesNotSlipBetweenTouchingCorners) {
  // The walls at the centre touch at (0, 0); the cells on both sides are 1.41 m apart.
  const MazeLayout layout = layout_of("######\n#....#\n#.#..#\n#..#.#\n#....#\n######\n");
  const ShortestPath paths(layout, PathNorm::kEuclidean);
  EXPECT_GT(paths.to_goal({0.5, 0.5}, {-0.5, -0.5}) + kRadius, 2.8);
}

TEST(ShortestPath, IsUnknownFromAndToWallsAndOutside) {
  const ShortestPath paths(layout_of(kU), PathNorm::kEuclidean);
  EXPECT_TRUE(std::isnan(paths.to_goal({-1.0, 0.0}, {1.0, 1.0})));
  EXPECT_TRUE(std::isnan(paths.to_goal({1.0, 1.0}, {-1.0, 0.0})));
  EXPECT_TRUE(std::isnan(paths.to_goal({1.0, 1.0}, {7.0, 0.0})));
  // Right beside a wall it is known.
  EXPECT_NEAR(paths.to_goal({1.499, -1.0}, {1.0, 1.0}), 2.0 - kRadius, 0.1);
}

TEST(ShortestPath, IsUnknownInMapsOfVeryManyCorners) {
  const auto pillars = [](int64_t count) {
    const std::string outer(static_cast<size_t>(2 * count + 3), '#');
    std::string free = "#" + std::string(static_cast<size_t>(2 * count + 1), '.') + "#";
    std::string map = outer + "\n" + free + "\n";
    for (int64_t i = 0; i < count; ++i) {
      std::string row = free;
      for (int64_t j = 0; j < count; ++j) row[static_cast<size_t>(2 * j + 2)] = '#';
      map += row + "\n" + free + "\n";
    }
    return layout_of(map + outer + "\n");
  };
  const auto known = [](const MazeLayout& layout) {
    const ShortestPath paths(layout, PathNorm::kMaximum);
    return !std::isnan(paths.to_goal(layout.starts.front(), layout.starts.back()));
  };
  EXPECT_TRUE(known(pillars(8)));  // 4 corners each: 256
  EXPECT_FALSE(known(pillars(9)));
}

// Full force straight to the goal is the best that a ball can do.
TEST(OptimumBound, IsReachedByFullForceAlongAStraightLine) {
  for (const TestEnv::Options& more :
       {TestEnv::Options{}, {{"set", "mass_scale=2"}}, {{"set", "gear_scale=0.5"}}}) {
    TestEnv::Options options = {{"set", "start=-2/1"}, {"set", "goal=2/1"}};
    options.insert(options.end(), more.begin(), more.end());
    const auto config = find_env("pointmaze-open").config();
    ConfigFields fields;
    config->describe(fields);
    std::string all;
    for (const auto& [name, value] : options) all += (all.empty() ? "" : ",") + value;
    fields.set("set", all);
    TestEnv env(config->maker());
    env.reset(1);
    EXPECT_TRUE(std::isnan(env.metric("optimum_bound"))) << "not started yet";
    for (int t = 0; t < 200; ++t) env.step(std::vector<float>{1.0F, 0.0F});
    EXPECT_GT(env.metric("time_to_goal"), 50.0);
    EXPECT_EQ(env.metric("time_to_goal"), env.metric("optimum_bound"));
  }
}

TEST(OptimumBound, IsPartOfTheState) {
  TestEnv env("pointmaze-umaze"), copy("pointmaze-umaze");
  env.reset(4);
  Rng rng(1);
  for (int t = 0; t < 30; ++t) env.step_random(rng);
  copy.reset(5);
  copy->set_state(env->state());
  EXPECT_FALSE(std::isnan(env.metric("optimum_bound")));
  EXPECT_EQ(copy.metric("optimum_bound"), env.metric("optimum_bound"));
}

// A driver never beats it, but it is no trivial bound either.
TEST(OptimumBound, NoWaypointControllerBeatsIt) {
  for (const char* id : {"maze2d-open", "maze2d-umaze", "maze2d-medium", "maze2d-large",
                         "pointmaze-umaze", "pointmaze-large"}) {
    TestEnv env(id);
    double taken = 0.0, bound = 0.0;
    for (uint64_t seed = 0; seed < 12; ++seed) {
      env.reset(seed);
      WaypointController driver(point_maze_physics(*env.operator->()).layout(), seed);
      const std::vector<double> goal = env.physics("desired_goal");
      for (StepResult result; !result.truncated && env.metric("success") == 0.0;) {
        const std::vector<double> x = env.observed();
        const auto command = driver.act({x[0], x[1]}, {x[2], x[3]}, {goal[0], goal[1]});
        result = env.step(std::vector<float>{static_cast<float>(command.action[0]),
                                             static_cast<float>(command.action[1])});
      }
      EXPECT_LE(env.metric("optimum_bound"), env.metric("time_to_goal")) << id << ", " << seed;
      taken += env.metric("time_to_goal");
      bound += env.metric("optimum_bound");
    }
    EXPECT_GT(bound, 0.15 * taken) << id;
  }
}

TEST(ShortestPath, IsTheAntsYardstick) {
  TestEnv env("antmaze-umaze");
  env.reset(3);
  Rng rng(1);
  env.step_random(rng);
  // Ends are at least a cell of 4 m apart, and the way around the U is shorter than 6 cells.
  EXPECT_GT(env.metric("shortest_path"), 1.0);
  EXPECT_LT(env.metric("shortest_path"), 24.0);
}

}  // namespace
}  // namespace reverie::maze
