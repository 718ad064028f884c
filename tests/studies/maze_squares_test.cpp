#include "studies/maze_squares.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "envs/registry.h"
#include "studies/occupancy.h"
#include "tests/errors.h"

namespace reverie {
namespace {

// D4RL's umaze has seven free cells of 1 m, and its ball stays free of walls in them.
TEST(MazeSquares, CoverTheFreeCells) {
  for (const char* id : {"maze2d-umaze", "pointmaze-umaze", "antmaze-umaze"}) {
    const std::unique_ptr<Env> env = find_env(id).config()->maker()();
    const maze::MazePhysics& maze = MazeSquares::maze_of(*env);
    const MazeSquares squares(maze, 3);
    EXPECT_EQ(squares.middles().size(), 7U * 9U) << id;
    for (size_t i = 0; i < squares.middles().size(); ++i) {
      EXPECT_EQ(squares.find(squares.middles()[i]), static_cast<int64_t>(i)) << id;
    }
    // Where the task begins is free; what lies outside is not.
    std::set<int64_t> found;
    for (const maze::Position& start : maze.layout().starts) found.insert(squares.find(start));
    EXPECT_FALSE(found.contains(-1)) << id;
    EXPECT_EQ(found.size(), maze.layout().starts.size()) << id;
    const maze::Position corner = maze.layout().corner();
    EXPECT_EQ(squares.find({corner[0] - 0.01, corner[1] + 0.5}), -1) << id;
    EXPECT_EQ(squares.find({corner[0] + 0.01, corner[1] + 0.01}), -1) << id << ": a wall";
    EXPECT_EQ(squares.find({1e6, 1e6}), -1) << id;
  }
}

TEST(MazeSquares, AreOfMazesAlone) {
  const std::unique_ptr<Env> env = find_env("cheetah-run").config()->maker()();
  EXPECT_THAT(test::input_error([&] { MazeSquares::maze_of(*env); }),
              testing::HasSubstr("cheetah-run"));
}

TEST(OccupancyMap, OverlapIsTheShareThatIsTheSame) {
  const OccupancyMap map{
      .values = {}, .visited = {0.5, 0.5, 0.0}, .predicted = {0.2, 0.6, 0.2}, .path = {}};
  EXPECT_DOUBLE_EQ(map.overlap(), 0.7);
}

}  // namespace
}  // namespace reverie
