#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "drawing/chart.h"
#include "envs/maze/goal_episode.h"

namespace reverie {

// A maze divided into squares, each cell into `per_side` x `per_side` of them: what maps of values
// and of visits are made of. K squares lie in free cells.
class MazeSquares {
 public:
  // maze: of an environment that must outlive this. per_side >= 1.
  MazeSquares(const maze::MazePhysics& maze, int64_t per_side);

  // Throws Error(kInput) that names the environment when it is no maze.
  static const maze::MazePhysics& maze_of(Env& env);

  const std::vector<maze::Position>& middles() const { return middles_; }  // [K]

  // The square that a position [m] lies in; -1 in a wall or outside.
  int64_t find(const maze::Position& position) const;

  // Draws the maze into the box with a colour for each square: dark for the least value, yellow for
  // the greatest, by its share between both. values: [K]; squares that are not finite, and all of
  // them where it is empty, stay floor. Marks goal and start.
  struct Picture {
    std::string title = {};
    std::vector<double> values = {};
    maze::Position goal{}, start{};
    std::vector<maze::Position> path = {};  // a line
  };
  void draw(Canvas& canvas, const Box& box, const Picture& picture) const;

 private:
  const maze::MazePhysics& maze_;
  int64_t per_side_;
  std::vector<int64_t> numbers_;  // of all squares, row by row of the world; -1 in walls
  std::vector<maze::Position> middles_;
};

}  // namespace reverie
