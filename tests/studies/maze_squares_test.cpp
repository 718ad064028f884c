#include "studies/maze_squares.h"

#include <cmath>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "drawing/canvas.h"
#include "envs/maze/maze_drawing.h"
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

// In D4RL's pictures y points up, and the map of medium is no mirror image of itself.
TEST(MazeSquares, AreColouredWhereTheyLie) {
  const std::unique_ptr<Env> env = find_env("maze2d-medium").config()->maker()();
  const maze::MazePhysics& maze = MazeSquares::maze_of(*env);
  const MazeSquares squares(maze, 1);
  const maze::MazeLayout& layout = maze.layout();
  const Color best = maze::value_color(1.0);
  for (const size_t chosen : {size_t{0}, size_t{5}, squares.middles().size() - 1}) {
    MazeSquares::Picture picture{.values = std::vector<double>(squares.middles().size(), 0.0)};
    picture.values[chosen] = 1.0;
    picture.start = picture.goal = {1e3, 1e3};  // out of sight
    Canvas canvas(400, 432);
    squares.draw(canvas, {0.0, 0.0, 400.0, 432.0}, picture);
    double x = 0.0, y = 0.0;
    int count = 0;
    const ImageView image = canvas.image();
    const int top = 432 - static_cast<int>(432 * 0.92);
    for (int row = top; row < 432; ++row) {
      for (int column = 0; column < 400; ++column) {
        const uint8_t* pixel = image.rgb + 3 * (row * image.width + column);
        if (pixel[0] != best.r || pixel[1] != best.g || pixel[2] != best.b) continue;
        x += column + 0.5;
        y += row - top + 0.5;
        ++count;
      }
    }
    ASSERT_GT(count, 500);
    // The room fills the picture but for a margin, so a cell has one side on it for both axes.
    const double pixels = std::sqrt(count);  // a side of the cell
    const double centre_x = 200.0 + (squares.middles()[chosen][0] - layout.corner()[0] -
                                     0.5 * layout.cell * layout.width()) /
                                        layout.cell * pixels;
    const double centre_y = 0.5 * (432 - top) - (squares.middles()[chosen][1] - layout.corner()[1] -
                                                 0.5 * layout.cell * layout.height()) /
                                                    layout.cell * pixels;
    EXPECT_NEAR(x / count, centre_x, 0.2 * pixels) << chosen;
    EXPECT_NEAR(y / count, centre_y, 0.2 * pixels) << chosen;
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
