#pragma once

#include "envs/canvas.h"
#include "envs/maze2d/point_maze.h"

namespace reverie::maze2d {

// What of a maze changes from frame to frame.
struct MazeScene {
  Position position{};  // [m]
  Position velocity{};  // [m/s]
  Position goal{};      // [m]
  bool at_goal = false;
};

// A view from above, y upwards, the whole maze centred on a canvas of any size and shape.
void draw_maze(Canvas& canvas, const Maze& maze, const MazeScene& scene);

}  // namespace reverie::maze2d
