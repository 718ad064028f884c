#include "envs/maze2d/maze_drawing.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace reverie::maze2d {
namespace {

constexpr Color kBackground{236, 239, 243};
constexpr Color kFloor{252, 251, 248};
constexpr Color kGrid{233, 231, 225};
constexpr Color kWallEdge{40, 50, 71};
constexpr Color kWallTop{75, 90, 119};
constexpr Color kShadow{30, 36, 56, 16};
constexpr Color kGoal{229, 83, 61};
constexpr Color kGoalReached{29, 158, 96};
constexpr Color kBall{21, 101, 216};
constexpr Color kBallEdge{255, 255, 255};
constexpr Color kBallLight{150, 196, 255};

constexpr double kBallRadius = 0.1;      // [m]
constexpr double kFrame = 0.42;          // [m] of the outermost walls, a cell thick, that is shown
constexpr double kMargin = 0.22;         // [m] of background around them
constexpr double kCornerRadius = 0.07;   // [m] of walls
constexpr double kFrameRadius = 0.2;     // [m] of the outermost corners
constexpr double kBevel = 0.035;         // [m] between a wall's edge and its top
constexpr double kVelocityScale = 0.15;  // [s] length of the velocity's needle per m/s
// Details are drawn where a cell has this many pixels; smaller pictures are for networks.
constexpr double kDetailScale = 20.0;

// The map turned to the world: cell (i, j) is the i-th to the right and the j-th upwards.
struct Grid {
  explicit Grid(const Maze& maze)
      : d4rl(maze.convention == Convention::kD4rl),
        map(maze.map),
        width(d4rl ? map.rows() : map.columns()),
        height(d4rl ? map.columns() : map.rows()) {
    // Corner of cell (0, 0) in the coordinates of qpos. D4RL's walls are centred on the cell's
    // numbers plus 1, its body on qpos plus 1.2.
    const Position first = maze.centre(d4rl ? CellIndex{0, 0} : CellIndex{map.rows() - 1, 0});
    const double shift = d4rl ? 1.0 - 1.2 : 0.0;
    origin = {first[0] + shift - 0.5, first[1] + shift - 0.5};
  }

  // Beyond the map nothing stands.
  bool is_wall(int64_t i, int64_t j) const {
    if (i < 0 || j < 0 || i >= width || j >= height) return false;
    return d4rl ? map.is_wall(i, j) : map.is_wall(map.rows() - 1 - j, i);
  }

  bool d4rl;
  const MazeMap& map;
  int64_t width, height;
  Point origin;  // [m] of the lower left corner
};

// Walls as one shape made of the cells' outlines: pieces of one colour show no seams. `inset` [m]
// moves its edges inwards, `shift` all of it.
class WallShape {
 public:
  WallShape(const Grid& grid, double inset, bool rounded, Point shift = {})
      : grid_(grid), inset_(inset), rounded_(rounded), shift_(shift) {}

  void fill(Canvas& canvas, Color color) {
    for (int64_t j = 0; j < grid_.height; ++j) {
      for (int64_t i = 0; i < grid_.width; ++i) {
        if (!grid_.is_wall(i, j)) continue;
        outline_.clear();
        // Counter-clockwise, each corner entered along the side that ends there.
        add_corner(i, j, +1, -1);
        add_corner(i, j, +1, +1);
        add_corner(i, j, -1, +1);
        add_corner(i, j, -1, -1);
        canvas.add_polygon(outline_);
      }
    }
    canvas.fill_path(color);
  }

 private:
  // The edge of a cell on one side of one axis: cut at the frame, moved in where nothing is beside.
  double edge(int64_t index, int64_t count, int side, bool beside) const {
    double at = static_cast<double>(index) + (side > 0 ? 1.0 : 0.0);
    at = std::clamp(at, 1.0 - kFrame, static_cast<double>(count) - 1.0 + kFrame);
    return beside ? at : at - side * inset_;
  }

  void add_corner(int64_t i, int64_t j, int side_x, int side_y) {
    const bool beside_x = grid_.is_wall(i + side_x, j);
    const bool beside_y = grid_.is_wall(i, j + side_y);
    const double x = edge(i, grid_.width, side_x, beside_x);
    const double y = edge(j, grid_.height, side_y, beside_y);
    const bool first_is_x = side_x == side_y;  // which side the way around the cell comes along
    if (beside_x && beside_y && inset_ > 0.0 && !grid_.is_wall(i + side_x, j + side_y)) {
      // An inner corner: the neighbours' edges meet inside this cell.
      const double in_x = x - side_x * inset_;
      const double in_y = y - side_y * inset_;
      add(first_is_x ? Point{x, in_y} : Point{in_x, y});
      add({in_x, in_y});
      add(first_is_x ? Point{in_x, y} : Point{x, in_y});
    } else if (!beside_x && !beside_y && rounded_) {
      const bool outermost = (i == 0 || i == grid_.width - 1) && (j == 0 || j == grid_.height - 1);
      const double radius = (outermost ? kFrameRadius : kCornerRadius) - inset_;
      const double middle = std::atan2(side_y, side_x);
      constexpr int kPieces = 6;
      for (int k = 0; k <= kPieces; ++k) {
        const double angle =
            middle + (static_cast<double>(k) / kPieces - 0.5) * std::numbers::pi / 2;
        add({x + radius * (std::cos(angle) - side_x), y + radius * (std::sin(angle) - side_y)});
      }
    } else {
      add({x, y});
    }
  }

  void add(Point p) {
    outline_.push_back({grid_.origin.x + p.x + shift_.x, grid_.origin.y + p.y + shift_.y});
  }

  const Grid& grid_;
  double inset_;
  bool rounded_;
  Point shift_;
  std::vector<Point> outline_;
};

void draw_floor(Canvas& canvas, const Grid& grid, double scale, bool detailed) {
  const auto width = static_cast<double>(grid.width);
  const auto height = static_cast<double>(grid.height);
  canvas.fill_rect(grid.origin.x + 1.0 - kFrame / 2, grid.origin.y + 1.0 - kFrame / 2,
                   width - 2.0 + kFrame, height - 2.0 + kFrame, kFloor);
  if (!detailed) return;
  const double line = std::max(1.0 / scale, 0.012);
  for (double x = 2.0; x < width - 1.5; x += 1.0) {
    canvas.stroke_line({grid.origin.x + x, grid.origin.y + 1.0},
                       {grid.origin.x + x, grid.origin.y + height - 1.0}, line, kGrid, Cap::kButt);
  }
  for (double y = 2.0; y < height - 1.5; y += 1.0) {
    canvas.stroke_line({grid.origin.x + 1.0, grid.origin.y + y},
                       {grid.origin.x + width - 1.0, grid.origin.y + y}, line, kGrid, Cap::kButt);
  }
}

void draw_goal(Canvas& canvas, Point goal, double radius, bool reached, bool detailed) {
  const Color color = reached ? kGoalReached : kGoal;
  if (!detailed) {
    canvas.fill_circle(goal, radius, color.with_alpha(170));
    return;
  }
  canvas.fill_circle(goal, radius, color.with_alpha(38));
  canvas.fill_circle(goal, 0.6 * radius, color.with_alpha(34));
  canvas.stroke_circle(goal, radius - 0.0125, 0.025, color.with_alpha(190));
  canvas.fill_circle(goal, 0.085, kBallEdge);
  canvas.fill_circle(goal, 0.06, color);
}

void draw_ball(Canvas& canvas, Point ball, const Position& velocity, double scale, bool detailed) {
  if (!detailed) {
    // Its true size would be less than two pixels.
    canvas.fill_circle(ball, std::max(kBallRadius, 1.7 / scale), kBall);
    return;
  }
  const double speed = std::hypot(velocity[0], velocity[1]);
  const double length = kVelocityScale * speed;
  if (length > kBallRadius) {
    const Point along{velocity[0] / speed, velocity[1] / speed};
    const double half = 0.6 * kBallRadius;
    const std::array<Point, 3> needle = {Point{ball.x - half * along.y, ball.y + half * along.x},
                                         Point{ball.x + half * along.y, ball.y - half * along.x},
                                         Point{ball.x + (kBallRadius + length) * along.x,
                                               ball.y + (kBallRadius + length) * along.y}};
    canvas.fill_polygon(needle, kBall.with_alpha(120));
  }
  for (const double spread : {0.035, 0.02, 0.005}) {
    canvas.fill_circle({ball.x + 0.02, ball.y - 0.03}, kBallRadius + spread,
                       kShadow.with_alpha(22));
  }
  canvas.fill_circle(ball, kBallRadius, kBallEdge);
  canvas.fill_circle(ball, kBallRadius - std::max(0.015, 1.0 / scale), kBall);
  canvas.fill_circle({ball.x - 0.028, ball.y + 0.03}, 0.022, kBallLight);
}

}  // namespace

void draw_maze(Canvas& canvas, const Maze& maze, const MazeScene& scene) {
  const Grid grid(maze);
  const auto width = static_cast<double>(grid.width);
  const auto height = static_cast<double>(grid.height);
  constexpr double kAround = 2.0 * (kFrame + kMargin) - 2.0;
  const double scale =
      std::min(canvas.width() / (width + kAround), canvas.height() / (height + kAround));
  const bool detailed = scale >= kDetailScale;

  const Transform before = canvas.transform();
  canvas.set_transform(camera({grid.origin.x + width / 2, grid.origin.y + height / 2}, scale,
                              canvas.width(), canvas.height()));
  canvas.clear(kBackground);
  if (detailed) {
    // Several faint copies make a soft shadow, of the frame on the background ...
    for (const double depth : {0.03, 0.06, 0.09}) {
      WallShape(grid, 0.0, true, {0.6 * depth, -depth}).fill(canvas, kShadow);
    }
  }
  draw_floor(canvas, grid, scale, detailed);
  draw_goal(canvas, {scene.goal[0], scene.goal[1]}, maze.goal_radius, scene.at_goal, detailed);
  if (detailed) {
    // ... and of the walls on floor and goal.
    for (const double depth : {0.02, 0.04, 0.06, 0.08, 0.1}) {
      WallShape(grid, 0.0, true, {0.6 * depth, -depth}).fill(canvas, kShadow);
    }
  }
  WallShape(grid, 0.0, detailed).fill(canvas, kWallEdge);
  if (detailed) WallShape(grid, kBevel, true).fill(canvas, kWallTop);
  draw_ball(canvas, {scene.position[0], scene.position[1]}, scene.velocity, scale, detailed);
  canvas.set_transform(before);
}

}  // namespace reverie::maze2d
