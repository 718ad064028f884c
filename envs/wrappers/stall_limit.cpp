#include "envs/wrappers/stall_limit.h"

#include "envs/wrappers/state_numbers.h"

namespace reverie {

StallLimit::StallLimit(std::unique_ptr<Env> wrapped, int64_t limit)
    : Wrapper(std::move(wrapped), fmt::format("stall_limit {}", limit)), limit_(limit) {
  edit_spec().reference.reset();
}

void StallLimit::reset(uint64_t seed, FieldViews obs) {
  stalled_ = 0;
  inner().reset(seed, obs);
}

StepResult StallLimit::step(ConstFieldView action, FieldViews obs) {
  REVERIE_CHECK(stalled_ < limit_, "{}: step() after the end of the episode; call reset() first",
                spec().id);
  StepResult result = inner().step(action, obs);
  stalled_ = result.reward > 0.0 ? 0 : stalled_ + 1;
  if (stalled_ == limit_ && !result.terminated) result.truncated = true;
  return result;
}

std::vector<double> StallLimit::memory() const { return {static_cast<double>(stalled_)}; }

void StallLimit::set_memory(std::span<const double> numbers) {
  StateReader reader(fmt::format("{}: stall_limit", spec().id), numbers);
  stalled_ = reader.count(static_cast<double>(limit_));
}

}  // namespace reverie
