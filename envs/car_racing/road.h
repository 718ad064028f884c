#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "envs/car_racing/car.h"
#include "envs/car_racing/track.h"

namespace reverie::car_racing {

// What the car has touched of a track. The road exerts no force; it only records contacts.
class Road {
 public:
  // Resets all visits. Throws Error for a track of more than kMaxTiles tiles.
  void build(const Track& track);

  static constexpr size_t kMaxTiles = 2500;
  size_t size() const { return tiles_.size(); }

  // Finds which tiles wheels and hull overlap, with the rule of Box2D's contacts: outlines nearer
  // than 0.02 touch. Sets each wheel's on_road, and marks tiles as visited and as driven over.
  void touch(Car& car);

  int64_t visited_count() const { return visited_count_; }
  bool visited(size_t tile) const { return (flags_[tile] & kVisited) != 0; }
  // quirk: any contact, including the hull's, removes the stripe's shade from a tile's colour.
  bool shaded(size_t tile) const { return (flags_[tile] & kDriven) == 0; }

  // Whether a wheel came onto tile 0 in the last touch() while no wheel was on it before.
  bool reached_start() const { return reached_start_; }

  // [size()] One small number per tile, for saved states; set_flags() takes what flags() returned.
  std::span<const uint8_t> flags() const { return flags_; }
  static constexpr uint8_t kMaxFlag = 7;
  void set_flags(std::span<const uint8_t> flags);

 private:
  enum Flag : uint8_t { kVisited = 1, kDriven = 2, kTouched = 4 };  // kTouched: a wheel is on it

  struct Edge {  // outward normal of length 1; inside where normal . p <= offset
    Point normal;
    double offset;
  };
  struct Tile {
    std::array<Point, 4> corners;
    std::array<Edge, 4> edges;
    size_t count;  // of corners: a degenerate quad has three
  };
  struct Shape {  // a part of the car, in the world
    std::array<Point, 8> points;
    size_t count;
    Point center;
    double radius;
  };

  static bool overlap(const Tile& tile, const Shape& shape);

  std::vector<Tile> tiles_;
  std::vector<float> center_x_, center_y_, reach_;  // [size()] circles, with room for a car
  std::vector<uint8_t> flags_;
  int64_t visited_count_ = 0;
  bool reached_start_ = false;
};

}  // namespace reverie::car_racing
