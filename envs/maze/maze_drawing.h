#pragma once

#include "drawing/canvas.h"
#include "envs/env.h"
#include "envs/maze/maze_factors.h"
#include "envs/maze/maze_layout.h"

namespace reverie::maze {

// A colour between `from` (0) and `to` (1).
Color mix(Color from, Color to, double share);

// The colour of a value on a map, from dark blue (share 0, the least) over blue to yellow (1).
Color value_color(double share);

inline constexpr Color kShadow{30, 36, 56, 16};  // one of several faint layers
inline constexpr Color kWhite{255, 255, 255};
inline constexpr Color kBlack{0, 0, 0};

// A view of a maze from above, y upwards, on a canvas of any size and shape. While it exists,
// drawing on the canvas is in metres of the world. Draw the body last.
//
// Large pictures have round corners and lines on the floor. Films have shadows, which pictures for
// policies leave out.
class MazePicture {
 public:
  MazePicture(Canvas& canvas, const MazeLayout& layout, const MazeLook& look, View view);
  ~MazePicture() { canvas_.set_transform(before_); }
  MazePicture(const MazePicture&) = delete;
  MazePicture& operator=(const MazePicture&) = delete;

  // Draws everything except the body.
  void draw_room(const Position& goal, bool at_goal);

  Canvas& canvas() const { return canvas_; }
  double pixels(double count) const { return count / scale_; }  // [m] on the canvas
  bool detailed() const { return detailed_; }
  bool shadows() const { return shadows_; }

 private:
  void draw_floor();
  void draw_goal(Point goal, bool reached);

  Canvas& canvas_;
  const MazeLayout& layout_;
  const MazeLook& look_;
  Transform before_;
  Transform world_;       // metres to pixels
  Transform cells_;       // cells, counted from the lower left corner, to pixels
  double scale_ = 1.0;    // [px/m]
  bool detailed_ = true;  // a cell is large enough for small details
  bool shadows_ = true;
};

}  // namespace reverie::maze
