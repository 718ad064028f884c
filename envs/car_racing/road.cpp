#include "envs/car_racing/road.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace reverie::car_racing {
namespace {

// Each of Box2D's polygons has a skin of two linear slops.
constexpr double kSkin = 2 * 2 * 0.005;
// No part of a car is further from its origin; hinges give a little.
constexpr double kCarRadius = 3.2;

double turn(Point a, Point b, Point c) {
  return (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
}

double distance_squared(Point a, Point b) {
  return (a.x - b.x) * (a.x - b.x) + (a.y - b.y) * (a.y - b.y);
}

// The convex hull of four points, counter-clockwise; returns how many corners it has.
size_t convex_hull(const Quad& quad, std::array<Point, 4>& hull) {
  std::array<Point, 4> sorted = quad;
  std::sort(sorted.begin(), sorted.end(),
            [](Point a, Point b) { return a.x != b.x ? a.x < b.x : a.y < b.y; });
  std::array<Point, 9> chain{};
  size_t count = 0;
  const auto add = [&](Point p, size_t keep) {
    while (count >= keep + 2 && turn(chain[count - 2], chain[count - 1], p) <= 0.0) --count;
    chain[count++] = p;
  };
  for (const Point p : sorted) add(p, 0);
  const size_t lower = count - 1;
  for (size_t i = sorted.size() - 1; i-- > 0;) add(sorted[i], lower);
  --count;  // the first point closes the chain
  std::copy_n(chain.begin(), count, hull.begin());
  return count;
}

// The squared distance from p to the segment from a to b.
double segment_distance_squared(Point p, Point a, Point b) {
  const double length = distance_squared(a, b);
  const double along =
      length > 0.0 ? ((p.x - a.x) * (b.x - a.x) + (p.y - a.y) * (b.y - a.y)) / length : 0.0;
  const double t = std::clamp(along, 0.0, 1.0);
  return distance_squared(p, {a.x + t * (b.x - a.x), a.y + t * (b.y - a.y)});
}

// The distance of all points beyond the right side of the line through a and b; negative when some
// points are not beyond it.
double separation(Point a, Point b, std::span<const Point> points) {
  const double length = std::sqrt(distance_squared(a, b));
  double least = std::numeric_limits<double>::infinity();
  for (const Point p : points) least = std::min(least, -turn(a, b, p) / length);
  return least;
}

// Whether two convex outlines that may overlap are nearer to each other than the skin.
bool convex_overlap(std::span<const Point> a, std::span<const Point> b) {
  bool inside_all = true;
  for (const auto& [one, other] : {std::pair(a, b), std::pair(b, a)}) {
    for (size_t i = 0; i < one.size(); ++i) {
      const double gap = separation(one[i], one[(i + 1) % one.size()], other);
      if (gap > kSkin) return false;
      inside_all = inside_all && gap <= 0.0;
    }
  }
  if (inside_all) return true;
  for (const auto& [one, other] : {std::pair(a, b), std::pair(b, a)}) {
    for (const Point p : one) {
      for (size_t i = 0; i < other.size(); ++i) {
        if (segment_distance_squared(p, other[i], other[(i + 1) % other.size()]) <= kSkin * kSkin) {
          return true;
        }
      }
    }
  }
  return false;
}

}  // namespace

void Road::build(const Track& track) {
  REVERIE_CHECK(track.size() >= 1 && track.size() <= kMaxTiles,
                "car racing: a track of {} tiles, expected 1 to {}", track.size(), kMaxTiles);
  const size_t n = track.size();
  tiles_.resize(n);
  center_x_.resize(n);
  center_y_.resize(n);
  reach_.resize(n);
  flags_.assign(n, 0);
  visited_count_ = 0;
  reached_start_ = false;
  for (size_t i = 0; i < n; ++i) {
    Quad quad = track.tile(i);
    Point center;
    for (Point& p : quad) {
      p = {static_cast<float>(p.x), static_cast<float>(p.y)};  // Box2D's precision
      center = {center.x + p.x / 4, center.y + p.y / 4};
    }
    double radius = 0.0;
    for (const Point p : quad) radius = std::max(radius, std::sqrt(distance_squared(p, center)));
    center_x_[i] = static_cast<float>(center.x);
    center_y_[i] = static_cast<float>(center.y);
    const double reach = radius + kCarRadius;
    reach_[i] = static_cast<float>(reach * reach);
    Tile& tile = tiles_[i];
    tile.count = convex_hull(quad, tile.corners);
    for (size_t k = 0; k < tile.count; ++k) {
      const Point a = tile.corners[k];
      const Point b = tile.corners[(k + 1) % tile.count];
      const double length = std::sqrt(distance_squared(a, b));
      const Point normal = {(b.y - a.y) / length, (a.x - b.x) / length};
      tile.edges[k] = {normal, normal.x * a.x + normal.y * a.y};
    }
  }
}

bool Road::overlap(const Tile& tile, const Shape& shape) {
  // The shape's centre decides most cases: far outside one edge, or inside all.
  bool inside = true;
  for (size_t k = 0; k < tile.count; ++k) {
    const Edge& edge = tile.edges[k];
    const double beyond =
        edge.normal.x * shape.center.x + edge.normal.y * shape.center.y - edge.offset;
    if (beyond > shape.radius + kSkin) return false;
    inside = inside && beyond <= 0.0;
  }
  if (inside) return true;
  return convex_overlap({tile.corners.data(), tile.count}, {shape.points.data(), shape.count});
}

void Road::touch(Car& car) {
  const auto place = [](const Body& body, Vec2 origin, std::span<const Point> outline,
                        Shape& shape) {
    const Rotation turned(body.angle);
    Point center;
    shape.count = outline.size();
    for (size_t i = 0; i < outline.size(); ++i) {
      const Vec2 p =
          turned({static_cast<float>(outline[i].x), static_cast<float>(outline[i].y)}) + origin;
      shape.points[i] = {p.x, p.y};
      center = {center.x + p.x, center.y + p.y};
    }
    // Tiles are counter-clockwise, so the shapes must be too.
    if (turn(shape.points[0], shape.points[1], shape.points[2]) < 0.0) {
      std::reverse(shape.points.begin(),
                   shape.points.begin() + static_cast<std::ptrdiff_t>(shape.count));
    }
    const auto n = static_cast<double>(shape.count);
    shape.center = {center.x / n, center.y / n};
    shape.radius = 0.0;
    for (size_t i = 0; i < shape.count; ++i) {
      shape.radius = std::max(shape.radius, distance_squared(shape.points[i], shape.center));
    }
    shape.radius = std::sqrt(shape.radius);
  };
  std::array<Shape, 4> wheels;
  std::array<Shape, 4> hull;
  const Vec2 origin = car.hull_position();
  for (size_t i = 0; i < 4; ++i) {
    place(car.body.wheels[i], car.body.wheels[i].center, wheel_outline(), wheels[i]);
    place(car.body.hull, origin, hull_outlines()[i].view(), hull[i]);
    car.wheels[i].on_road = false;
  }
  reached_start_ = false;
  for (size_t i = 0; i < tiles_.size(); ++i) {
    const float dx = origin.x - center_x_[i];
    const float dy = origin.y - center_y_[i];
    uint8_t& flags = flags_[i];
    bool touched = false;
    if (dx * dx + dy * dy <= reach_[i]) {
      for (size_t w = 0; w < 4; ++w) {
        if (!overlap(tiles_[i], wheels[w])) continue;
        car.wheels[w].on_road = true;
        touched = true;
      }
      for (size_t part = 0; part < 4 && !touched && (flags & kDriven) == 0; ++part) {
        if (overlap(tiles_[i], hull[part])) flags |= kDriven;
      }
    }
    if (touched) {
      if (i == 0 && (flags & kTouched) == 0) reached_start_ = true;
      if ((flags & kVisited) == 0) ++visited_count_;
      flags |= kVisited | kDriven | kTouched;
    } else {
      flags &= static_cast<uint8_t>(~kTouched);
    }
  }
}

void Road::set_flags(std::span<const uint8_t> flags) {
  REVERIE_CHECK(flags.size() == flags_.size(), "car racing: flags of {} tiles, expected {}",
                flags.size(), flags_.size());
  std::copy(flags.begin(), flags.end(), flags_.begin());
  visited_count_ = std::count_if(flags_.begin(), flags_.end(),
                                 [](uint8_t flag) { return (flag & kVisited) != 0; });
}

}  // namespace reverie::car_racing
