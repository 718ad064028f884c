#pragma once

namespace reverie::car_racing {

// Steps per second of the reference's car alone in an empty Box2D world, with the reference's
// iteration counts, without road or picture. The car racing environments are compared with this
// rate.
double bare_car_rate(int threads, double seconds);

}  // namespace reverie::car_racing
