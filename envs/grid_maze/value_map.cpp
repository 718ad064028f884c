#include "envs/grid_maze/value_map.h"

#include <algorithm>
#include <array>

#include "envs/maze/maze_drawing.h"

namespace reverie::grid_maze {
namespace {

constexpr double kTextScale = 44.0;  // [px] of a cell from which on it shows its value

void draw_arrow(Canvas& canvas, const maze::Position& at, int64_t move, Color color) {
  const maze::CellIndex step = kSteps[static_cast<size_t>(move)];
  const Point along{static_cast<double>(step.column), -static_cast<double>(step.row)};
  const auto point = [&](double forward, double side) {
    return Point{at[0] + forward * along.x - side * along.y,
                 at[1] + forward * along.y + side * along.x};
  };
  canvas.stroke_line(point(-0.22, 0.0), point(0.1, 0.0), 0.05, color);
  const std::array<Point, 3> head = {point(0.26, 0.0), point(0.06, 0.11), point(0.06, -0.11)};
  canvas.fill_polygon(head, color);
}

}  // namespace

void draw_value_map(Canvas& canvas, const GridTask& task, std::span<const double> values,
                    std::span<const int64_t> moves) {
  const GridWorld& world = task.world;
  const auto states = static_cast<size_t>(world.states());
  REVERIE_CHECK(values.size() == states && moves.size() == states,
                "{}: {} values and {} moves to draw, expected {} of each", task.spec.id,
                values.size(), moves.size(), states);
  for (const int64_t move : moves) {
    REVERIE_CHECK(move >= 0 && move < kMoves, "{}: move {} to draw, expected one in [0, {})",
                  task.spec.id, move, kMoves);
  }
  const maze::MazeLayout& layout = world.layout();
  maze::MazePicture picture(canvas, layout, task.look, View::kObservation);
  picture.draw_room(layout.goals.front(), false);
  const auto [least, greatest] = std::minmax_element(values.begin(), values.end());
  const double range = std::max(*greatest - *least, 1e-12);
  for (int64_t state = 0; state < world.states(); ++state) {
    if (state == world.goal()) continue;  // its mark stays
    const double value = values[static_cast<size_t>(state)];
    const double share = (value - *least) / range;
    const maze::Position at = layout.place(world.cell(state));
    canvas.fill_rect(at[0] - 0.5, at[1] - 0.5, 1.0, 1.0, maze::value_color(share));
    const Color ink = share < 0.6 ? maze::kWhite : maze::kBlack;
    const bool has_room = picture.pixels(kTextScale) <= 1.0;
    const maze::Position middle = {at[0], at[1] + (has_room ? 0.12 : 0.0)};
    draw_arrow(canvas, middle, moves[static_cast<size_t>(state)], ink);
    if (!has_room) continue;
    canvas.text(at[0], at[1] - 0.36, fmt::format("{:.1f}", value), 0.2 / picture.pixels(1.0), ink,
                TextAlign::kCenter);
  }
}

}  // namespace reverie::grid_maze
