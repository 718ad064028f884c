#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "drawing/coverage.h"
#include "envs/car_racing/car.h"

namespace reverie::car_racing {

// A line that a sliding tyre leaves on the ground.
class SkidMark {
 public:
  SkidMark() = default;
  SkidMark(Point start, Point end, bool on_grass) : count_(2), on_grass_(on_grass) {
    points_[0] = start;
    points_[1] = end;
  }

  std::span<const Point> points() const { return {points_.data(), count_}; }
  bool on_grass() const { return on_grass_; }
  bool full() const { return count_ == points_.size(); }
  void add(Point point) { points_[count_++] = point; }

 private:
  std::array<Point, 30> points_;
  size_t count_ = 0;
  bool on_grass_ = false;
};

// The most recent marks of the four tyres, for films. They exert no force; observations do not show
// them and saved states leave them out. The reference's particles (car_dynamics.py, Car.step).
class SkidMarks {
 public:
  void clear();
  void add(const Car& car);  // call it after a step

  // The marks, oldest first.
  size_t size() const { return next_serial_ - first_serial(); }
  const SkidMark& operator[](size_t i) const { return marks_[(first_serial() + i) % kMaxMarks]; }

 private:
  static constexpr size_t kMaxMarks = 30;
  struct Tyre {
    bool sliding = false;  // since the previous step
    bool drawing = false;  // the mark `serial` is this tyre's and still grows
    Point start;
    size_t serial = 0;
  };

  // Marks are numbered in order of creation; the last kMaxMarks are kept.
  size_t first_serial() const { return next_serial_ > kMaxMarks ? next_serial_ - kMaxMarks : 0; }

  std::array<SkidMark, kMaxMarks> marks_;  // serial modulo kMaxMarks
  size_t next_serial_ = 0;
  std::array<Tyre, 4> tyres_;
};

}  // namespace reverie::car_racing
