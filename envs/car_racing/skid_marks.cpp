#include "envs/car_racing/skid_marks.h"

namespace reverie::car_racing {

void SkidMarks::clear() {
  next_serial_ = 0;
  tyres_ = {};
}

void SkidMarks::add(const Car& car) {
  for (size_t i = 0; i < tyres_.size(); ++i) {
    Tyre& tyre = tyres_[i];
    if (!car.wheels[i].skids) {
      tyre = {};
      continue;
    }
    const Body& body = car.body.wheels[i];
    const Point here = {body.center.x, body.center.y};
    const bool on_grass = !car.wheels[i].on_road;
    const bool kept = tyre.drawing && tyre.serial >= first_serial();
    SkidMark* mark = kept ? &marks_[tyre.serial % kMaxMarks] : nullptr;
    if (mark != nullptr && mark->on_grass() == on_grass && !mark->full()) {
      mark->add(here);
    } else if (!tyre.sliding) {
      tyre.sliding = true;
      tyre.start = here;
    } else {
      tyre.drawing = true;
      tyre.serial = next_serial_++;
      marks_[tyre.serial % kMaxMarks] = SkidMark(tyre.start, here, on_grass);
      tyre.sliding = false;
    }
  }
}

}  // namespace reverie::car_racing
