#pragma once

#include <cstdint>
#include <vector>

#include "drawing/canvas.h"
#include "envs/car_racing/car.h"
#include "envs/car_racing/road.h"
#include "envs/car_racing/skid_marks.h"
#include "envs/car_racing/track.h"

namespace reverie::car_racing {

struct Colors {
  Color road{102, 102, 102};
  Color background{102, 204, 102};
  Color grass{102, 230, 102};
  Color hull{204, 0, 0};
};

// The outlines of a track for drawing, made once per episode.
struct TrackPicture {
  std::vector<Point> left, right;  // [tiles] the road's edges at each point
  std::vector<Point> centers;      // [tiles]
  std::vector<double> radii;       // [tiles] of circles around tiles and kerbs
  void build(const Track& track);
};

// Everything that a picture shows.
struct Scene {
  const Track& track;
  const TrackPicture& picture;
  const Road& road;
  const Car& car;
  const Colors& colors;
  const SkidMarks& skid_marks;
  double time;   // [s] since reset: the camera zooms in during the first second
  double score;  // the number in the corner
  double zoom;   // of the camera, 1 is the reference's
};

// The reference's observation at the canvas's size. It shows what the reference's 1000 x 800 window
// shows: the car at (1/2, 3/4), forward up, indicators and score in a black bar at the bottom. The
// reference draws the window and shrinks it; here every shape is drawn at its final place by its
// exact area in each pixel, which equals shrinking by area averages.
//
// quirk: the window's 5:4 becomes square when the canvas is square, as in the reference's 96 x 96.
void draw_observation(Canvas& canvas, const Scene& scene);

// The same view for people, without distortion: with skid marks, shadows and markings, without the
// score.
void draw_film(Canvas& canvas, const Scene& scene);

// Height of the camera [window pixels per unit] at a time [s]: it zooms in during the first second.
double camera_zoom(double time);

// The tiles that may lie within a circle around the view, in their order.
void find_visible_tiles(const TrackPicture& picture, Point center, double radius,
                        std::vector<size_t>& tiles);

}  // namespace reverie::car_racing
