#include "nn/schedule.h"

#include <cmath>
#include <numbers>

namespace reverie {

double warmup_cosine(double progress, double warmup) {
  if (progress < warmup) return progress / warmup;
  const double share = (progress - warmup) / (1.0 - warmup);
  return 0.5 * (1.0 + std::cos(std::numbers::pi * share));
}

}  // namespace reverie
