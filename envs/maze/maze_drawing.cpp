#include "envs/maze/maze_drawing.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace reverie::maze {
namespace {

constexpr Color kGoalReached{29, 158, 96};

// All lengths in cells.
constexpr double kFrame = 0.42;   // visible share of the outermost walls, which are a cell thick
constexpr double kMargin = 0.22;  // of background around them
constexpr double kCornerRadius = 0.07;  // of walls
constexpr double kFrameRadius = 0.2;    // of the outermost corners
constexpr double kBevel = 0.035;        // between a wall's edge and its top
constexpr double kSmallGoal = 0.2;      // radius below which a goal has no rings inside
// Details are drawn when a cell has at least this many pixels; smaller pictures are for networks.
constexpr double kDetailScale = 20.0;
constexpr double kMinGoalPixels = 2.4;  // [px] radius of the smallest mark

// Walls as one shape made of the cells' outlines, because pieces of one colour show no seams.
// `inset` moves its edges inwards, `shift` moves the whole shape [cells].
class WallShape {
 public:
  WallShape(const MazeLayout& layout, double inset, bool rounded, Point shift = {})
      : layout_(layout), inset_(inset), rounded_(rounded), shift_(shift) {}

  void fill(Canvas& canvas, Color color) {
    for (int64_t j = 0; j < layout_.height(); ++j) {
      for (int64_t i = 0; i < layout_.width(); ++i) {
        if (!layout_.is_wall(i, j)) continue;
        outline_.clear();
        // Counter-clockwise; each corner is entered along the side that ends there.
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
  // The edge of a cell on one side of one axis: cut at the frame, moved inwards where it has no
  // neighbour.
  double edge(int64_t index, int64_t count, int side, bool beside) const {
    double at = static_cast<double>(index) + (side > 0 ? 1.0 : 0.0);
    at = std::clamp(at, 1.0 - kFrame, static_cast<double>(count) - 1.0 + kFrame);
    return beside ? at : at - side * inset_;
  }

  void add_corner(int64_t i, int64_t j, int side_x, int side_y) {
    const bool beside_x = layout_.is_wall(i + side_x, j);
    const bool beside_y = layout_.is_wall(i, j + side_y);
    const double x = edge(i, layout_.width(), side_x, beside_x);
    const double y = edge(j, layout_.height(), side_y, beside_y);
    const bool first_is_x = side_x == side_y;  // the side that the path arrives along
    if (beside_x && beside_y && inset_ > 0.0 && !layout_.is_wall(i + side_x, j + side_y)) {
      // An inner corner: the neighbours' edges meet inside this cell.
      const double in_x = x - side_x * inset_;
      const double in_y = y - side_y * inset_;
      add(first_is_x ? Point{x, in_y} : Point{in_x, y});
      add({in_x, in_y});
      add(first_is_x ? Point{in_x, y} : Point{x, in_y});
    } else if (!beside_x && !beside_y && rounded_) {
      const bool outermost =
          (i == 0 || i == layout_.width() - 1) && (j == 0 || j == layout_.height() - 1);
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

  void add(Point p) { outline_.push_back({p.x + shift_.x, p.y + shift_.y}); }

  const MazeLayout& layout_;
  double inset_;
  bool rounded_;
  Point shift_;
  std::vector<Point> outline_;
};

}  // namespace

Color mix(Color from, Color to, double share) {
  const auto channel = [share](uint8_t a, uint8_t b) {
    return static_cast<uint8_t>(std::lround(a + share * (b - a)));
  };
  return {channel(from.r, to.r), channel(from.g, to.g), channel(from.b, to.b), from.a};
}

Color value_color(double share) {
  constexpr Color kLeast{49, 54, 149}, kMiddle{116, 173, 209}, kGreatest{254, 224, 144};
  return share < 0.5 ? mix(kLeast, kMiddle, 2.0 * share)
                     : mix(kMiddle, kGreatest, 2.0 * share - 1.0);
}

MazePicture::MazePicture(Canvas& canvas, const MazeLayout& layout, const MazeLook& look, View view)
    : canvas_(canvas), layout_(layout), look_(look), before_(canvas.transform()) {
  const auto width = static_cast<double>(layout.width());
  const auto height = static_cast<double>(layout.height());
  constexpr double kAround = 2.0 * (kFrame + kMargin) - 2.0;
  const double cell_scale = look.zoom * std::min(canvas.width() / (width + kAround),
                                                 canvas.height() / (height + kAround));
  scale_ = cell_scale / layout.cell;
  detailed_ = cell_scale >= kDetailScale;
  shadows_ = detailed_ && view == View::kFilm;
  const Position corner = layout.corner();
  const Point centre{corner[0] + layout.cell * width / 2, corner[1] + layout.cell * height / 2};
  world_ = camera(centre, scale_, canvas.width(), canvas.height(), look.angle);
  cells_ = world_ * Transform::translate(corner[0], corner[1]) *
           Transform::scale(layout.cell, layout.cell);
  canvas_.set_transform(world_);
}

void MazePicture::draw_room(const Position& goal, bool at_goal) {
  const auto shadow = [&](std::initializer_list<double> depths) {
    // Several faint copies make a soft edge.
    for (const double depth : depths) {
      WallShape(layout_, 0.0, true, {0.6 * depth, -depth}).fill(canvas_, kShadow);
    }
  };
  canvas_.set_transform(cells_);
  canvas_.clear(look_.background);
  if (shadows_) shadow({0.03, 0.06, 0.09});  // of the frame on the background
  draw_floor();
  canvas_.set_transform(world_);
  if (look_.goal_drawn) draw_goal({goal[0], goal[1]}, at_goal);
  canvas_.set_transform(cells_);
  if (shadows_) shadow({0.02, 0.04, 0.06, 0.08, 0.1});  // of the walls on floor and goal
  if (detailed_) {
    WallShape(layout_, 0.0, true).fill(canvas_, mix(look_.wall, kBlack, 0.45));
    WallShape(layout_, kBevel, true).fill(canvas_, look_.wall);
  } else {
    WallShape(layout_, 0.0, false).fill(canvas_, look_.wall);
  }
  canvas_.set_transform(world_);
}

void MazePicture::draw_floor() {
  const auto width = static_cast<double>(layout_.width());
  const auto height = static_cast<double>(layout_.height());
  canvas_.fill_rect(1.0 - kFrame / 2, 1.0 - kFrame / 2, width - 2.0 + kFrame, height - 2.0 + kFrame,
                    look_.floor);
  const auto rect = [&](double x, double y, double w, double h) {
    const std::array<Point, 4> corners = {Point{x, y}, Point{x + w, y}, Point{x + w, y + h},
                                          Point{x, y + h}};
    canvas_.add_polygon(corners);
  };
  const double line = std::max(1.0 / (scale_ * layout_.cell), 0.012);
  switch (look_.texture) {
    case FloorTexture::kPlain:
      return;
    case FloorTexture::kGrid:
      if (!detailed_) return;
      for (double x = 2.0; x < width - 1.5; x += 1.0) rect(x - line / 2, 1.0, line, height - 2.0);
      for (double y = 2.0; y < height - 1.5; y += 1.0) rect(1.0, y - line / 2, width - 2.0, line);
      return canvas_.fill_path(mix(look_.floor, kBlack, 0.075));
    case FloorTexture::kChecker:
      for (int64_t j = 1; j < layout_.height() - 1; ++j) {
        for (int64_t i = 1; i < layout_.width() - 1; ++i) {
          // Four squares per cell, two of them dark.
          const auto x = static_cast<double>(i);
          const auto y = static_cast<double>(j);
          if (layout_.is_wall(i, j)) continue;
          rect(x, y, 0.5, 0.5);
          rect(x + 0.5, y + 0.5, 0.5, 0.5);
        }
      }
      return canvas_.fill_path(mix(look_.floor, kBlack, 0.14));
    case FloorTexture::kStripes:
      for (double y = 1.0; y < height - 1.0; y += 0.5) rect(1.0, y, width - 2.0, 0.25);
      return canvas_.fill_path(mix(look_.floor, kBlack, 0.14));
  }
}

void MazePicture::draw_goal(Point goal, bool reached) {
  const Color color = reached ? kGoalReached : look_.goal;
  const double radius = std::max(layout_.goal_radius, pixels(kMinGoalPixels));
  if (!detailed_) return canvas_.fill_circle(goal, radius, color.with_alpha(170));
  if (radius < kSmallGoal * layout_.cell) {
    canvas_.fill_circle(goal, 1.8 * radius, color.with_alpha(34));
    canvas_.fill_circle(goal, radius, color.with_alpha(110));
    canvas_.stroke_circle(goal, radius, std::max(pixels(1.5), 0.12 * radius), color);
    return canvas_.fill_circle(goal, 0.3 * radius, color);
  }
  canvas_.fill_circle(goal, radius, color.with_alpha(38));
  canvas_.fill_circle(goal, 0.6 * radius, color.with_alpha(34));
  canvas_.stroke_circle(goal, 0.975 * radius, 0.05 * radius, color.with_alpha(190));
  canvas_.fill_circle(goal, 0.17 * radius, kWhite);
  canvas_.fill_circle(goal, 0.12 * radius, color);
}

}  // namespace reverie::maze
