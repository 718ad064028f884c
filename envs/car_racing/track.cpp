#include "envs/car_racing/track.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>

namespace reverie::car_racing {
namespace {

constexpr double kPi = std::numbers::pi;
constexpr int kCheckpoints = 12;
constexpr int kMaxPoints = 2500;
constexpr int kMaxLaps = 4;
constexpr int kKerbMinCount = 4;  // tiles that must turn hard, all to one side
constexpr double kStartAlpha = 2.0 * kPi * (-0.5) / kCheckpoints;

struct Checkpoint {
  double alpha;
  Point position;
};

std::array<Checkpoint, kCheckpoints> draw_checkpoints(Rng& rng) {
  std::array<Checkpoint, kCheckpoints> checkpoints{};
  for (int c = 0; c < kCheckpoints; ++c) {
    // quirk: both numbers are drawn even when they are replaced.
    const double noise = rng.uniform(0.0, 2.0 * kPi * 1.0 / kCheckpoints);
    double alpha = 2.0 * kPi * c / kCheckpoints + noise;
    double radius = rng.uniform(kTrackRadius / 3.0, kTrackRadius);
    if (c == 0 || c == kCheckpoints - 1) {
      alpha = 2.0 * kPi * c / kCheckpoints;
      radius = 1.5 * kTrackRadius;
    }
    checkpoints[static_cast<size_t>(c)] = {alpha,
                                           {radius * std::cos(alpha), radius * std::sin(alpha)}};
  }
  return checkpoints;
}

// Walks around the origin from checkpoint to checkpoint until it has passed the start often enough.
std::vector<TrackPoint> walk(const std::array<Checkpoint, kCheckpoints>& checkpoints) {
  std::vector<TrackPoint> points;
  points.reserve(kMaxPoints);
  Point at = {1.5 * kTrackRadius, 0.0};
  double beta = 0.0;
  size_t destination = 0;
  int laps = 0;
  bool visited_other_side = false;
  while (laps <= kMaxLaps && points.size() < kMaxPoints) {
    double alpha = std::atan2(at.y, at.x);
    if (visited_other_side && alpha > 0.0) {
      ++laps;
      visited_other_side = false;
    }
    if (alpha < 0.0) {
      visited_other_side = true;
      alpha += 2.0 * kPi;
    }
    // The next checkpoint ahead; after the last of a round, the search starts again a turn back.
    while (alpha > checkpoints[destination % kCheckpoints].alpha) {
      if (++destination % kCheckpoints == 0) alpha -= 2.0 * kPi;
    }
    const Point target = checkpoints[destination % kCheckpoints].position;
    const Point right = {std::cos(beta), std::sin(beta)};
    const double projection = kScale * (right.x * (target.x - at.x) + right.y * (target.y - at.y));
    while (beta - alpha > 1.5 * kPi) beta -= 2.0 * kPi;
    while (beta - alpha < -1.5 * kPi) beta += 2.0 * kPi;
    const double previous = beta;
    const double turn = std::min(kTrackTurnRate, std::abs(0.001 * projection));
    if (projection > 0.3) beta -= turn;
    if (projection < -0.3) beta += turn;
    // The step follows the heading before the turn; the point stores the mean of both.
    at = {at.x - right.y * kTrackStep, at.y + right.x * kTrackStep};
    points.push_back({alpha, previous * 0.5 + beta * 0.5, at});
  }
  return points;
}

// The last full round between two passes of the start; none when the walk has not completed two.
std::optional<std::vector<TrackPoint>> last_round(const std::vector<TrackPoint>& points) {
  size_t end = 0;
  for (size_t i = points.size() - 1; i > 0; --i) {
    const bool passes_start = points[i].alpha > kStartAlpha && points[i - 1].alpha <= kStartAlpha;
    if (!passes_start) continue;
    if (end == 0) {
      end = i;
    } else {
      using Difference = std::vector<TrackPoint>::difference_type;
      return std::vector<TrackPoint>(points.begin() + static_cast<Difference>(i),
                                     points.begin() + static_cast<Difference>(end) - 1);
    }
  }
  return std::nullopt;
}

bool is_closed(const std::vector<TrackPoint>& points) {
  const TrackPoint& first = points.front();
  const TrackPoint& last = points.back();
  const double x = std::cos(first.beta) * (first.position.x - last.position.x);
  const double y = std::sin(first.beta) * (first.position.y - last.position.y);
  return std::sqrt(x * x + y * y) <= kTrackStep;
}

// Kerbs are at places where four tiles in a row turn hard to one side, and at the four tiles
// before.
std::vector<uint8_t> place_kerbs(const Track& track) {
  const size_t n = track.size();
  const auto back = [&](size_t i, int steps) { return (i + n - static_cast<size_t>(steps)) % n; };
  std::vector<uint8_t> kerbs(n);
  for (size_t i = 0; i < n; ++i) {
    bool hard = true;
    int side = 0;
    for (int k = 0; k < kKerbMinCount; ++k) {
      const double turn = track.points[back(i, k)].beta - track.points[back(i, k + 1)].beta;
      hard = hard && std::abs(turn) > kTrackTurnRate * 0.2;
      side += turn > 0.0 ? 1 : (turn < 0.0 ? -1 : 0);
    }
    kerbs[i] = static_cast<uint8_t>(hard && std::abs(side) == kKerbMinCount);
  }
  for (size_t i = 0; i < n; ++i) {  // in place: the order matters when a kerb extends past point 0
    for (int k = 0; k < kKerbMinCount; ++k) kerbs[back(i, k)] |= kerbs[i];
  }
  return kerbs;
}

Point beside(const TrackPoint& point, double distance) {
  return {point.position.x + distance * std::cos(point.beta),
          point.position.y + distance * std::sin(point.beta)};
}

}  // namespace

Quad Track::tile(size_t i) const {
  const TrackPoint& here = points[i];
  const TrackPoint& there = points[before(i)];
  return {beside(here, -kTrackHalfWidth), beside(here, kTrackHalfWidth),
          beside(there, kTrackHalfWidth), beside(there, -kTrackHalfWidth)};
}

Quad Track::kerb(size_t i) const {
  const TrackPoint& here = points[i];
  const TrackPoint& there = points[before(i)];
  const double side = there.beta > here.beta ? 1.0 : (there.beta < here.beta ? -1.0 : 0.0);
  const double inner = side * kTrackHalfWidth;
  const double outer = side * (kTrackHalfWidth + kKerbWidth);
  return {beside(here, inner), beside(here, outer), beside(there, outer), beside(there, inner)};
}

Track make_track(Rng& rng) {
  while (true) {
    std::optional<std::vector<TrackPoint>> round = last_round(walk(draw_checkpoints(rng)));
    // The reference would stop with an index error at a round without points; this code tries
    // again.
    if (!round || round->empty() || !is_closed(*round)) continue;
    Track track{.points = std::move(*round), .has_kerb = {}};
    track.has_kerb = place_kerbs(track);
    return track;
  }
}

}  // namespace reverie::car_racing
