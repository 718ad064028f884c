#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/random.h"
#include "drawing/coverage.h"

namespace reverie::car_racing {

// Lengths are in the reference's world units; a car is 5 of them long.
inline constexpr double kScale = 6.0;
inline constexpr double kTrackRadius = 900.0 / kScale;  // of the base circle of tracks
inline constexpr double kPlayfield = 2000.0 / kScale;   // half side; beyond it an episode ends
inline constexpr double kTrackStep = 21.0 / kScale;     // between two points of a track
inline constexpr double kTrackTurnRate = 0.31;          // [rad] greatest turn per step
inline constexpr double kTrackHalfWidth = 40.0 / kScale;
inline constexpr double kKerbWidth = 8.0 / kScale;

// One point of the centre line. Tile i lies between point i and the one before it.
struct TrackPoint {
  double alpha;  // [rad] polar angle of the point before the step that led here
  double beta;   // [rad] heading; the road runs along (-sin beta, cos beta)
  Point position;
};

using Quad = std::array<Point, 4>;

// A closed road. Point i is joined to point i - 1, point 0 to the last.
struct Track {
  std::vector<TrackPoint> points;
  std::vector<uint8_t> has_kerb;  // [points] red and white on the inside of hard turns

  size_t size() const { return points.size(); }
  size_t before(size_t i) const { return i == 0 ? points.size() - 1 : i - 1; }

  // The corners of a tile: left and right of point i, right and left of the previous point.
  Quad tile(size_t i) const;

  // The kerb beside tile i: inner and outer edge at point i, outer and inner at the previous point.
  Quad kerb(size_t i) const;
};

// A random track: 12 checkpoints around a circle, joined by a curve of limited curvature (Gymnasium
// 1.4.0, car_racing.py, CarRacing._create_track). Attempts that do not close are discarded, and the
// next one continues the same stream of numbers, so a generator seeded like the reference's gives
// the reference's track. About 300 tiles, 224 to 366 in 200 seeds.
Track make_track(Rng& rng);

}  // namespace reverie::car_racing
