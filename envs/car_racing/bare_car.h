#pragma once

namespace reverie::car_racing {

// Steps a second of the reference's car alone in an empty Box2D world, with the reference's numbers
// of iterations: no road, no picture. What a car racing environment is measured against.
double bare_car_rate(int threads, double seconds);

}  // namespace reverie::car_racing
