#include "studies/maze_squares.h"

#include <algorithm>
#include <cmath>

#include "drawing/canvas.h"
#include "envs/maze/maze_drawing.h"

namespace reverie {

namespace {

constexpr double kTitleHeight = 0.08;  // of the box

}  // namespace

const maze::MazePhysics& MazeSquares::maze_of(Env& env) {
  const maze::MazePhysics* maze = maze::find_maze(env);
  REVERIE_CHECK(maze != nullptr, "{}: is no maze; expected maze2d-*, pointmaze-* or antmaze-*",
                env.spec().id);
  return *maze;
}

MazeSquares::MazeSquares(const maze::MazePhysics& maze, int64_t per_side)
    : maze_(maze), per_side_(per_side) {
  const maze::MazeLayout& layout = maze.layout();
  const double side = layout.cell / static_cast<double>(per_side);
  const maze::Position corner = layout.corner();
  for (int64_t row = 0; row < layout.height() * per_side; ++row) {
    for (int64_t column = 0; column < layout.width() * per_side; ++column) {
      const bool is_wall = layout.is_wall(column / per_side, row / per_side);
      numbers_.push_back(is_wall ? -1 : static_cast<int64_t>(middles_.size()));
      if (is_wall) continue;
      middles_.push_back({corner[0] + (static_cast<double>(column) + 0.5) * side,
                          corner[1] + (static_cast<double>(row) + 0.5) * side});
    }
  }
}

int64_t MazeSquares::find(const maze::Position& position) const {
  const maze::MazeLayout& layout = maze_.layout();
  const double side = layout.cell / static_cast<double>(per_side_);
  const maze::Position corner = layout.corner();
  const auto column = static_cast<int64_t>(std::floor((position[0] - corner[0]) / side));
  const auto row = static_cast<int64_t>(std::floor((position[1] - corner[1]) / side));
  const int64_t columns = layout.width() * per_side_, rows = layout.height() * per_side_;
  if (column < 0 || row < 0 || column >= columns || row >= rows) return -1;
  return numbers_[static_cast<size_t>(row * columns + column)];
}

void MazeSquares::draw(Canvas& canvas, const Box& box, const Picture& picture) const {
  const double title = kTitleHeight * box.height;
  canvas.text(box.x + box.width / 2, box.y + 0.72 * title, picture.title, 0.5 * title, maze::kBlack,
              TextAlign::kCenter);
  // The maze fills a canvas, so it gets one of its own.
  const auto width = static_cast<int>(box.width), height = static_cast<int>(box.height - title);
  Canvas map(width, height);
  map.clear(maze::kWhite);
  const maze::MazeLook look = maze::look_of(FactorValues(maze_.task().factors));
  {
    maze::MazePicture room(map, maze_.layout(), look, View::kObservation);
    room.draw_room(picture.goal, false);
    double least = INFINITY, greatest = -INFINITY;
    for (const double value : picture.values) {
      if (!std::isfinite(value)) continue;
      least = std::min(least, value);
      greatest = std::max(greatest, value);
    }
    const double side = maze_.layout().cell / static_cast<double>(per_side_);
    map.set_antialias(false);  // squares would not close up
    for (size_t i = 0; i < picture.values.size(); ++i) {
      if (!std::isfinite(picture.values[i])) continue;
      const double share = (picture.values[i] - least) / std::max(greatest - least, 1e-12);
      map.fill_rect(middles_[i][0] - side / 2, middles_[i][1] - side / 2, side, side,
                    maze::value_color(share));
    }
    map.set_antialias(true);
    const double line = std::max(room.pixels(2.0), 0.04);
    for (size_t i = 0; i + 1 < picture.path.size(); ++i) {
      const auto &from = picture.path[i], &to = picture.path[i + 1];
      map.stroke_line({from[0], from[1]}, {to[0], to[1]}, line, maze::kWhite);
    }
    const double dot = std::max(room.pixels(4.0), 0.1);
    map.fill_circle({picture.goal[0], picture.goal[1]}, dot, {200, 40, 40});
    map.fill_circle({picture.start[0], picture.start[1]}, dot, look.body);
  }
  canvas.draw_image(static_cast<int>(box.x), static_cast<int>(box.y + title), map.image());
}

}  // namespace reverie
