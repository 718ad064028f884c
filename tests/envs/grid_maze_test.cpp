#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "drawing/canvas.h"
#include "envs/grid_maze/grid_world.h"
#include "tests/envs/episode_fixture.h"
#include "tests/errors.h"

namespace reverie::grid_maze {
namespace {

using maze::MazeMap;
using test::input_error;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// The cells are numbered   0 1 2
//                              3
//                          4 5 6
constexpr const char* kU = "#####\n#G..#\n###.#\n#...#\n#####\n";

GridWorld world_of(const std::string& map) { return GridWorld(MazeMap::parse(map, "test map")); }

TEST(GridWorld, NumbersItsCellsAndMovesBetweenThem) {
  const GridWorld world = world_of(kU);
  EXPECT_EQ(world.states(), 7);
  EXPECT_EQ(world.goal(), 0);
  EXPECT_THAT(world.starts(), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_EQ(world.cell(3), (maze::CellIndex{2, 3}));
  EXPECT_EQ(world.next(2, kLeft), 1);
  EXPECT_EQ(world.next(2, kDown), 3);
  EXPECT_EQ(world.next(3, kDown), 6);
  EXPECT_EQ(world.next(3, kUp), 2);
  EXPECT_EQ(world.next(4, kRight), 5);
  EXPECT_EQ(world.next(4, kUp), 4) << "a wall";
  EXPECT_EQ(world.next(3, kLeft), 3) << "a wall";
}

TEST(GridWorld, KnowsTheFewestMovesToTheGoal) {
  const GridWorld world = world_of(kU);
  std::vector<int64_t> moves;
  for (int64_t state = 0; state < world.states(); ++state) {
    moves.push_back(world.moves_to_goal(state));
  }
  EXPECT_THAT(moves, ElementsAre(0, 1, 2, 3, 6, 5, 4));
}

TEST(GridWorld, ItsModelIsTheTask) {
  const GridWorld world = world_of(kU);
  const FiniteMdp mdp = world.mdp();
  EXPECT_TRUE(mdp.is_terminal(0));
  for (int64_t state = 1; state < 7; ++state) {
    for (int64_t move = 0; move < kMoves; ++move) {
      ASSERT_EQ(mdp.outcomes(state, move).size(), 1U);
      EXPECT_EQ(mdp.outcomes(state, move)[0].next, world.next(state, move));
      EXPECT_EQ(mdp.outcomes(state, move)[0].reward, -1.0);
    }
  }
}

TEST(GridWorld, MarksDecideGoalAndStarts) {
  EXPECT_EQ(world_of("#####\n#...#\n#####\n").goal(), 0) << "the first free cell";
  const GridWorld marked = world_of("######\n#r.Gr#\n######\n");
  EXPECT_EQ(marked.goal(), 2);
  EXPECT_THAT(marked.starts(), ElementsAre(0, 3));
  // A room that nobody can come from is not part of the task.
  EXPECT_EQ(world_of("######\n#rG#.#\n######\n").states(), 2);
}

TEST(GridWorld, RefusesMapsThatItCannotPlay) {
  EXPECT_THAT(input_error([] { world_of("#####\n#G.G#\n#####\n"); }),
              AllOf(HasSubstr("2 goals"), HasSubstr("line 2, column 4")));
  EXPECT_THAT(input_error([] { world_of("#####\n#Gc.#\n#####\n"); }),
              AllOf(HasSubstr("'c'"), HasSubstr("line 2, column 3")));
  EXPECT_THAT(input_error([] { world_of("###\n#G#\n###\n"); }), HasSubstr("start"));
  EXPECT_THAT(input_error([] { world_of("###\n#.#\n###\n"); }), HasSubstr("start"));
  EXPECT_THAT(input_error([] { world_of("###\n#r#\n###\n"); }), HasSubstr("goal"));
  EXPECT_THAT(input_error([] { world_of("#####\n#G#.#\n#####\n"); }), HasSubstr("no way leads"));
}

// The move that comes nearer to the goal.
int64_t best_move(const GridWorld& world, int64_t state) {
  for (int64_t move = 0; move < kMoves; ++move) {
    if (world.moves_to_goal(world.next(state, move)) < world.moves_to_goal(state)) return move;
  }
  return 0;
}

TEST(GridMaze, TheShortestWayTakesTheOptimumAndARandomOneLonger) {
  TestEnv env("gridmaze-large");
  const GridWorld world(MazeMap::load(REVERIE_SOURCE_DIR "/assets/maps/maze2d/large.txt"));
  std::set<int64_t> starts;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    env.reset(seed);
    const int64_t start = env.observed<int64_t>("cell")[0];
    starts.insert(start);
    EXPECT_NE(start, world.goal());
    EXPECT_EQ(env.metric("success"), 0.0);
    EXPECT_TRUE(std::isnan(env.metric("time_to_goal")));
    StepResult result;
    double sum = 0.0;
    while (!result.terminated && !result.truncated) {
      result = env.step(std::vector<int64_t>{best_move(world, env.observed<int64_t>("cell")[0])});
      sum += result.reward;
    }
    EXPECT_TRUE(result.terminated);
    EXPECT_EQ(env.observed<int64_t>("cell")[0], world.goal());
    EXPECT_EQ(env.metric("success"), 1.0);
    EXPECT_EQ(env.metric("optimum"), static_cast<double>(world.moves_to_goal(start)));
    EXPECT_EQ(env.metric("time_to_goal"), env.metric("optimum"));
    EXPECT_EQ(sum, -env.metric("optimum"));
  }
  EXPECT_GT(starts.size(), 20U);
}

TEST(GridMaze, TheGoalInTheLastStepIsNotTruncated) {
  const auto play = [](const std::string& max_steps) {
    TestEnv env("gridmaze-umaze", {{"map", "#####\n#G.r#\n#####\n"}, {"max_steps", max_steps}});
    env.reset(1);
    StepResult result;
    do {
      result = env.step(std::vector<int64_t>{kLeft});
    } while (!result.terminated && !result.truncated);
    return std::pair(result.terminated, result.truncated);
  };
  EXPECT_EQ(play("2"), std::pair(true, false));
  EXPECT_EQ(play("1"), std::pair(false, true));
}

TEST(GridMaze, ShowsTheCellsPlaceToNetworks) {
  TestEnv env("gridmaze-umaze", {{"map", "#####\n#G.r#\n###.#\n#...#\n#####\n"}});
  env.reset(1);
  EXPECT_THAT(env.observed(), ElementsAre(1.0, -1.0)) << "right, up";
  env.step(std::vector<int64_t>{kDown});
  EXPECT_THAT(env.observed(), ElementsAre(1.0, 0.0));
  EXPECT_EQ(env.observed<int64_t>("cell")[0], 3);
}

TEST(GridMaze, AStateThatItCannotHaveIsRefused) {
  TestEnv env("gridmaze-umaze");
  env.reset(1);
  const std::vector<double> good = env->state();
  for (const size_t i : {size_t{0}, size_t{1}, size_t{2}, size_t{3}}) {
    for (const double bad : {-1.0, 0.5, 1e6}) {
      std::vector<double> state = good;
      state[i] = bad;
      EXPECT_THAT(input_error([&] { env->set_state(state); }),
                  AllOf(HasSubstr("gridmaze-umaze"), HasSubstr("whole number")));
    }
  }
}

TEST(GridMaze, DrawsTheGreatestValueLightestAndTheArrowOfItsMove) {
  const auto config = find_env("gridmaze-umaze").config();
  const FiniteModel model = config->finite_model().value();
  std::vector<double> values = {0, -1, -2, -3, -6, -5, -4};
  const std::vector<int64_t> left(7, kLeft), right(7, kRight);
  const auto picture = [&](const std::vector<int64_t>& moves) {
    Canvas canvas(500, 500);
    model.draw(canvas, values, moves);
    return std::vector<uint8_t>(canvas.pixels().begin(), canvas.pixels().end());
  };
  const std::vector<uint8_t> to_left = picture(left), to_right = picture(right);
  EXPECT_NE(to_left, to_right);
  // A corner of the cells 1 (in the middle of the upper row) and 4 (lower left).
  const auto brightness = [&](double column, double row) {
    const double scale = 500.0 / (5.0 - 2.0 + 2.0 * (0.42 + 0.22));  // MazePicture's margins
    const auto at = [&](double cells) {
      return static_cast<size_t>(250.0 + scale * (cells - 2.5 + 0.9));
    };
    const size_t i = 3 * (at(row) * 500 + at(column));
    return to_left[i] + to_left[i + 1] + to_left[i + 2];
  };
  EXPECT_GT(brightness(2, 1), brightness(1, 3) + 100);

  EXPECT_THAT(input_error([&] { values.pop_back(), picture(left); }), HasSubstr("expected 7"));
  values.push_back(0.0);
  EXPECT_THAT(input_error([&] { picture(std::vector<int64_t>(7, 4)); }), HasSubstr("move 4"));
}

TEST(FiniteMdp, RefusesNonsense) {
  EXPECT_THAT(input_error([] { FiniteMdp(0, 1); }), HasSubstr("0 states"));
  FiniteMdp mdp(2, 2);
  EXPECT_THAT(input_error([&] { mdp.add(2, 0, {}); }), HasSubstr("[0, 2)"));
  EXPECT_THAT(input_error([&] { mdp.add(0, 2, {}); }), HasSubstr("action 2"));
  EXPECT_THAT(input_error([&] { mdp.add(0, 0, {.next = -1}); }), HasSubstr("[0, 2)"));
  EXPECT_THAT(input_error([&] { mdp.add(0, 0, {.probability = 0.0}); }), HasSubstr("(0, 1]"));
  EXPECT_THAT(input_error([&] { mdp.add(0, 0, {.reward = std::nan("")}); }), HasSubstr("finite"));
  mdp.add(0, 0, {.probability = 0.5, .next = 1});
  EXPECT_THAT(input_error([&] { mdp.check(); }), HasSubstr("sum to 0.5"));
  mdp.add(0, 0, {.probability = 0.5, .next = 0});
  EXPECT_THAT(input_error([&] { mdp.check(); }),
              AllOf(HasSubstr("state 0, action 1"), HasSubstr("sum to 0")));
  mdp.add(0, 1, {.next = 1});
  EXPECT_NO_THROW(mdp.check());
}

TEST(FiniteModel, OnlyFiniteTasksHaveOne) {
  EXPECT_FALSE(find_env("maze2d-umaze").config()->finite_model());
  EXPECT_TRUE(find_env("gridmaze-open").config()->finite_model());
}

}  // namespace
}  // namespace reverie::grid_maze
