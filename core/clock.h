#pragma once

namespace reverie {

// Seconds of a clock that never goes back, since some moment: for differences.
double steady_seconds();

}  // namespace reverie
