#include "envs/maze2d/maze_drawing.h"

#include <algorithm>
#include <cmath>

namespace reverie::maze2d {
namespace {

constexpr Color kFloor{247, 245, 240};
constexpr Color kGrid{229, 225, 216};
constexpr Color kWall{72, 84, 102};
constexpr Color kWallTop{94, 108, 130};
constexpr Color kShadow{58, 52, 40, 46};
constexpr Color kGoal{226, 87, 76};
constexpr Color kGoalReached{52, 168, 104};
constexpr Color kPoint{38, 110, 196};
constexpr Color kPointEdge{255, 255, 255};
constexpr Color kVelocity{38, 110, 196, 150};

constexpr double kBodyRadius = 0.1;       // [m] of the ball
constexpr double kMargin = 0.35;          // [m] of background around the walls
constexpr double kShadowOffset = 0.07;    // [m] right and down
constexpr double kWallHeight = 0.06;      // [m] that the top face is shifted by, for depth
constexpr double kVelocityScale = 0.14;   // [s] length of the velocity's line per m/s

// Where the maze lies in the world: walls by cell, and the offset from qpos to the world.
struct Layout {
  double low_x, low_y, high_x, high_y;  // [m] of the whole map
  double offset;                        // [m] world = qpos + offset
};

Layout layout_of(const Maze& maze) {
  const auto rows = static_cast<double>(maze.map.rows());
  const auto columns = static_cast<double>(maze.map.columns());
  if (maze.convention == Convention::kD4rl) return {0.5, 0.5, rows + 0.5, columns + 0.5, 1.2};
  return {-columns / 2, -rows / 2, columns / 2, rows / 2, 0.0};
}

// The lower left corner of a cell in the world.
Point corner(const Maze& maze, const Layout& layout, CellIndex cell) {
  if (maze.convention == Convention::kD4rl) {
    return {layout.low_x + static_cast<double>(cell.row),
            layout.low_y + static_cast<double>(cell.column)};
  }
  return {layout.low_x + static_cast<double>(cell.column),
          layout.high_y - static_cast<double>(cell.row) - 1.0};
}

// All walls as one shape, shifted: pieces of one colour show no seams.
void fill_walls(Canvas& canvas, const Maze& maze, const Layout& layout, Point shift, Color color) {
  for (const CellIndex cell : maze.map.cells(Cell::kWall)) {
    const Point low = corner(maze, layout, cell);
    const double x = low.x + shift.x;
    const double y = low.y + shift.y;
    const std::array<Point, 4> square = {
        Point{x, y}, Point{x + 1.0, y}, Point{x + 1.0, y + 1.0}, Point{x, y + 1.0}};
    canvas.add_polygon(square);
  }
  canvas.fill_path(color);
}

}  // namespace

void draw_maze(Canvas& canvas, const Maze& maze, const MazeScene& scene) {
  const Layout layout = layout_of(maze);
  const double scale = std::min(canvas.width() / (layout.high_x - layout.low_x + 2 * kMargin),
                                canvas.height() / (layout.high_y - layout.low_y + 2 * kMargin));
  const Transform before = canvas.transform();
  canvas.set_transform(camera({(layout.low_x + layout.high_x) / 2,
                               (layout.low_y + layout.high_y) / 2},
                              scale, canvas.width(), canvas.height()));
  canvas.clear(kFloor);
  // Fine detail only where there are pixels for it.
  const bool detailed = scale >= 20.0;
  if (detailed) {
    const double width = std::max(1.0 / scale, 0.012);
    for (double x = layout.low_x + 1.0; x < layout.high_x - 0.5; x += 1.0) {
      canvas.stroke_line({x, layout.low_y}, {x, layout.high_y}, width, kGrid, Cap::kButt);
    }
    for (double y = layout.low_y + 1.0; y < layout.high_y - 0.5; y += 1.0) {
      canvas.stroke_line({layout.low_x, y}, {layout.high_x, y}, width, kGrid, Cap::kButt);
    }
    fill_walls(canvas, maze, layout, {kShadowOffset, -kShadowOffset}, kShadow);
  }

  const Point goal{scene.goal[0] + layout.offset, scene.goal[1] + layout.offset};
  const Color goal_color = scene.at_goal ? kGoalReached : kGoal;
  canvas.fill_circle(goal, maze.goal_radius, goal_color.with_alpha(detailed ? 44 : 110));
  if (detailed) {
    canvas.stroke_circle(goal, maze.goal_radius, 0.025, goal_color.with_alpha(150));
    canvas.fill_circle(goal, 0.07, goal_color);
  }

  fill_walls(canvas, maze, layout, {0.0, 0.0}, kWall);
  if (detailed) fill_walls(canvas, maze, layout, {0.0, kWallHeight}, kWallTop);

  const Point body{scene.position[0] + layout.offset, scene.position[1] + layout.offset};
  // A ball of true size would be less than two pixels wide in a small observation.
  const double radius = std::max(kBodyRadius, 1.6 / scale);
  if (detailed) {
    canvas.fill_circle({body.x + 0.03, body.y - 0.04}, radius, kShadow);
    const Point tip{body.x + kVelocityScale * scene.velocity[0],
                    body.y + kVelocityScale * scene.velocity[1]};
    if (std::hypot(tip.x - body.x, tip.y - body.y) > radius) {
      canvas.stroke_line(body, tip, 0.05, kVelocity);
    }
    canvas.fill_circle(body, radius + 0.02, kPointEdge);
  }
  canvas.fill_circle(body, radius, kPoint);
  canvas.set_transform(before);
}

}  // namespace reverie::maze2d
