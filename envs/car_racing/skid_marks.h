#pragma once

#include <array>
#include <deque>
#include <vector>

#include "drawing/coverage.h"
#include "envs/car_racing/car.h"

namespace reverie::car_racing {

// A line that a sliding tyre leaves on the ground.
struct SkidMark {
  std::vector<Point> points;
  bool on_grass = false;
};

// The last marks of the four tyres, for films; they push nothing, observations do not show them,
// and saved states leave them out. The reference's particles (car_dynamics.py, Car.step).
class SkidMarks {
 public:
  void clear();
  void add(const Car& car);  // after a step
  const std::deque<SkidMark>& marks() const { return marks_; }

 private:
  static constexpr size_t kMaxMarks = 30;
  static constexpr size_t kMaxPoints = 30;
  struct Tyre {
    bool sliding = false;  // since the step before
    bool drawing = false;  // the last mark of `marks_[mark]` is its own and goes on
    Point start;
    size_t serial = 0;  // of the mark that it draws
  };
  std::deque<SkidMark> marks_;
  size_t first_serial_ = 0;  // of marks_.front()
  std::array<Tyre, 4> tyres_;
};

}  // namespace reverie::car_racing
