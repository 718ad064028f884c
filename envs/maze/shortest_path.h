#pragma once

#include <cstdint>
#include <vector>

#include "envs/maze/maze_layout.h"

namespace reverie::maze {

// How the length of a piece of a path is measured, from its extents x and y along the axes.
enum class PathNorm : uint8_t {
  kEuclidean,  // sqrt(x^2 + y^2)
  kMaximum,    // max(|x|, |y|): for a body whose axes move independently, each at a limited speed
};

// The shortest way of a point through a maze, at any angle, past the corners of the walls: a
// yardstick that no body beats, because a body's centre stays out of the walls. The size of the
// body is not counted: contacts are soft, so a centre may come nearer to a wall than its radius.
//
// A shortest path is straight between corners of walls (in any norm, because a straight line is
// never longer than a detour), so it is found on the visibility graph of the corners. A query costs
// a test of visibility for each corner and end.
class ShortestPath {
 public:
  // Maps with more corners have no yardstick: the graph grows with the square of their number.
  static constexpr size_t kMaxCorners = 256;

  ShortestPath(const MazeLayout& layout, PathNorm norm);

  // A lower bound of the way from `from` to where the layout counts `to` as reached [m], >= 0: the
  // shortest path between the two points minus the goal's radius r, or minus sqrt(2) r where the
  // goal's disc may reach around a corner. NaN when an end lies in a wall or outside, when no way
  // leads there, and for a map with more than kMaxCorners corners.
  double to_goal(const Position& from, const Position& to) const;

 private:
  struct End {
    Position at;         // [cells], out of reach of the walls
    double moved = 0.0;  // [cells] from where it was
  };

  bool is_wall(int64_t i, int64_t j) const { return walls_[static_cast<size_t>(j * width_ + i)]; }
  double length(const Position& a, const Position& b) const;
  bool sees(const Position& a, const Position& b) const;
  bool crosses(const Position& a, const Position& b, int64_t i, int64_t j) const;
  bool place(const Position& position, End& end) const;
  void find_corners();
  void measure_ways();
  double between(const Position& a, const Position& b) const;
  bool is_near_corner(const Position& at) const;

  PathNorm norm_;
  double cell_;         // [m]
  double goal_radius_;  // [cells]
  Position corner_;     // [m] lower left corner of the outermost walls
  int64_t width_, height_;
  std::vector<bool> walls_;        // [height * width]
  bool too_many_ = false;          // corners
  std::vector<Position> corners_;  // [cells] V, a hair off the walls
  std::vector<double> ways_;       // [V V] lengths of the shortest paths between them [cells]
};

}  // namespace reverie::maze
