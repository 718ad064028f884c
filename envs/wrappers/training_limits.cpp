#include "envs/wrappers/training_limits.h"

#include "envs/wrappers/rewards_and_time.h"
#include "envs/wrappers/stall_limit.h"

namespace reverie {
namespace {

template <typename Limit>
EnvMaker within(EnvMaker make, int64_t limit) {
  if (limit == 0) return make;
  return [make = std::move(make), limit] { return std::make_unique<Limit>(make(), limit); };
}

}  // namespace

EnvMaker with_training_limits(EnvMaker make, const TrainingLimits& limits) {
  return within<StallLimit>(within<TimeLimit>(std::move(make), limits.episode_limit),
                            limits.stall_limit);
}

}  // namespace reverie
