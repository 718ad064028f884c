#include "envs/maze/shortest_path.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace reverie::maze {
namespace {

// All lengths in cells. Paths keep this distance from walls, which closes the gap between two walls
// that touch at a corner.
constexpr double kClearance = 0.01;
constexpr double kRounding = 1e-6;  // a path along a wall's edge does not cross the wall
constexpr double kInfinity = std::numeric_limits<double>::infinity();

}  // namespace

ShortestPath::ShortestPath(const MazeLayout& layout, PathNorm norm)
    : norm_(norm),
      cell_(layout.cell),
      goal_radius_(layout.goal_radius / layout.cell),
      corner_(layout.corner()),
      width_(layout.width()),
      height_(layout.height()) {
  for (int64_t j = 0; j < height_; ++j) {
    for (int64_t i = 0; i < width_; ++i) walls_.push_back(layout.is_wall(i, j));
  }
  find_corners();
  if (!too_many_) measure_ways();
}

double ShortestPath::length(const Position& a, const Position& b) const {
  const double x = std::abs(a[0] - b[0]), y = std::abs(a[1] - b[1]);
  return norm_ == PathNorm::kMaximum ? std::max(x, y) : std::hypot(x, y);
}

// Whether a segment crosses the square of a wall, widened by the clearance: its pieces inside the
// square's columns and inside its rows overlap.
bool ShortestPath::crosses(const Position& a, const Position& b, int64_t i, int64_t j) const {
  double first = 0.0, last = 1.0;
  const std::array<double, 2> low = {static_cast<double>(i), static_cast<double>(j)};
  for (size_t axis = 0; axis < 2; ++axis) {
    const double from = low[axis] - kClearance + kRounding;
    const double to = low[axis] + 1.0 + kClearance - kRounding;
    const double step = b[axis] - a[axis];
    if (std::abs(step) < 1e-12) {
      if (a[axis] <= from || a[axis] >= to) return false;
      continue;
    }
    const double one = (from - a[axis]) / step, other = (to - a[axis]) / step;
    first = std::max(first, std::min(one, other));
    last = std::min(last, std::max(one, other));
  }
  return first < last;
}

// Looks only at the cells along the segment, row by row.
bool ShortestPath::sees(const Position& a, const Position& b) const {
  const auto cell = [](double x, int64_t count) {
    return std::clamp(static_cast<int64_t>(std::floor(x)), int64_t{0}, count - 1);
  };
  const Position& lower = a[1] <= b[1] ? a : b;
  const Position& upper = a[1] <= b[1] ? b : a;
  const double slope =
      upper[1] - lower[1] < 1e-12 ? kInfinity : (upper[0] - lower[0]) / (upper[1] - lower[1]);
  const int64_t top = cell(upper[1] + kClearance, height_);
  for (int64_t j = cell(lower[1] - kClearance, height_); j <= top; ++j) {
    double left = lower[0], right = upper[0];
    if (std::isfinite(slope)) {  // of the piece beside this row
      const auto x_at = [&](double y) {
        return lower[0] + slope * (std::clamp(y, lower[1], upper[1]) - lower[1]);
      };
      left = x_at(static_cast<double>(j) - kClearance);
      right = x_at(static_cast<double>(j) + 1.0 + kClearance);
    }
    if (left > right) std::swap(left, right);
    const int64_t last = cell(right + kClearance, width_);
    for (int64_t i = cell(left - kClearance, width_); i <= last; ++i) {
      if (is_wall(i, j) && crosses(a, b, i, j)) return false;
    }
  }
  return true;
}

// A corner that a path bends around belongs to one wall, with three free cells around it.
void ShortestPath::find_corners() {
  for (int64_t j = 1; j < height_; ++j) {
    for (int64_t i = 1; i < width_; ++i) {
      int walls = 0;
      Position away{};
      for (const int64_t y : {-1, 0}) {
        for (const int64_t x : {-1, 0}) {
          if (!is_wall(i + x, j + y)) continue;
          ++walls;
          away = {x < 0 ? kClearance : -kClearance, y < 0 ? kClearance : -kClearance};
        }
      }
      if (walls != 1) continue;
      corners_.push_back({static_cast<double>(i) + away[0], static_cast<double>(j) + away[1]});
    }
  }
  too_many_ = corners_.size() > kMaxCorners;
}

// All shortest paths between corners (Floyd 1962, algorithm 97).
void ShortestPath::measure_ways() {
  const size_t n = corners_.size();
  ways_.assign(n * n, kInfinity);
  for (size_t a = 0; a < n; ++a) {
    ways_[a * n + a] = 0.0;
    for (size_t b = 0; b < a; ++b) {
      if (!sees(corners_[a], corners_[b])) continue;
      ways_[a * n + b] = ways_[b * n + a] = length(corners_[a], corners_[b]);
    }
  }
  for (size_t via = 0; via < n; ++via) {
    for (size_t a = 0; a < n; ++a) {
      const double there = ways_[a * n + via];
      for (size_t b = 0; b < n; ++b) {
        ways_[a * n + b] = std::min(ways_[a * n + b], there + ways_[via * n + b]);
      }
    }
  }
}

// Moves a point that lies nearer to a wall than the clearance away from it. False in walls and
// outside the maze.
bool ShortestPath::place(const Position& position, End& end) const {
  const double x = (position[0] - corner_[0]) / cell_, y = (position[1] - corner_[1]) / cell_;
  const bool inside = x >= 1.0 && y >= 1.0 && x < static_cast<double>(width_ - 1) &&
                      y < static_cast<double>(height_ - 1);
  if (!inside) return false;
  const auto i = static_cast<int64_t>(x), j = static_cast<int64_t>(y);
  if (is_wall(i, j)) return false;
  const double left = static_cast<double>(i), low = static_cast<double>(j);
  Position at = {x, y};
  if (is_wall(i - 1, j)) at[0] = std::max(at[0], left + kClearance);
  if (is_wall(i + 1, j)) at[0] = std::min(at[0], left + 1.0 - kClearance);
  if (is_wall(i, j - 1)) at[1] = std::max(at[1], low + kClearance);
  if (is_wall(i, j + 1)) at[1] = std::min(at[1], low + 1.0 - kClearance);
  const int64_t side_x = at[0] < left + 0.5 ? -1 : 1, side_y = at[1] < low + 0.5 ? -1 : 1;
  const double to_x = side_x < 0 ? at[0] - left : left + 1.0 - at[0];
  const double to_y = side_y < 0 ? at[1] - low : low + 1.0 - at[1];
  if (to_x < kClearance && to_y < kClearance && is_wall(i + side_x, j + side_y)) {
    at[0] = side_x < 0 ? left + kClearance : left + 1.0 - kClearance;
  }
  end = {.at = at, .moved = std::hypot(at[0] - x, at[1] - y)};
  return true;
}

double ShortestPath::between(const Position& a, const Position& b) const {
  if (sees(a, b)) return length(a, b);
  const size_t n = corners_.size();
  std::vector<double> from_b(n, kInfinity);
  for (size_t w = 0; w < n; ++w) {
    if (sees(b, corners_[w])) from_b[w] = length(b, corners_[w]);
  }
  double shortest = kInfinity;
  for (size_t v = 0; v < n; ++v) {
    if (!sees(a, corners_[v])) continue;
    const double there = length(a, corners_[v]);
    for (size_t w = 0; w < n; ++w) {
      shortest = std::min(shortest, there + ways_[v * n + w] + from_b[w]);
    }
  }
  return shortest;
}

bool ShortestPath::is_near_corner(const Position& at) const {
  return std::any_of(corners_.begin(), corners_.end(), [&](const Position& corner) {
    return std::hypot(corner[0] - at[0], corner[1] - at[1]) <= goal_radius_ + 2.0 * kClearance;
  });
}

double ShortestPath::to_goal(const Position& from, const Position& to) const {
  constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
  End start, goal;
  if (too_many_ || !place(from, start) || !place(to, goal)) return kUnknown;
  const double way = between(start.at, goal.at);
  if (!std::isfinite(way)) return kUnknown;
  // From a point of the disc that does not see its centre, the way around the right angle between
  // them is at most sqrt(2) times as long as the straight line.
  const double reach = goal_radius_ * (is_near_corner(goal.at) ? std::numbers::sqrt2 : 1.0);
  return cell_ * std::max(0.0, way - reach - start.moved - goal.moved);
}

}  // namespace reverie::maze
