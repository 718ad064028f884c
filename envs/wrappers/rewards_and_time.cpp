#include "envs/wrappers/rewards_and_time.h"

#include <algorithm>

#include "envs/wrappers/state_numbers.h"

namespace reverie {

RewardScale::RewardScale(std::unique_ptr<Env> wrapped, double scale)
    : RewardWrapper(std::move(wrapped), fmt::format("reward_scale {}", scale)), scale_(scale) {
  edit_spec().reference.reset();
}

RewardClip::RewardClip(std::unique_ptr<Env> wrapped, double bound)
    : RewardWrapper(std::move(wrapped), fmt::format("reward_clip {}", bound)), bound_(bound) {
  edit_spec().reference.reset();
}

double RewardClip::change(double reward) const { return std::clamp(reward, -bound_, bound_); }

TimeLimit::TimeLimit(std::unique_ptr<Env> wrapped, int64_t limit)
    : Wrapper(std::move(wrapped), fmt::format("time_limit {}", limit)), limit_(limit) {
  EnvSpec& spec = edit_spec();
  spec.reference.reset();
  spec.max_steps = spec.max_steps == 0 ? limit : std::min(spec.max_steps, limit);
}

void TimeLimit::reset(uint64_t seed, FieldViews obs) {
  steps_ = 0;
  inner().reset(seed, obs);
}

StepResult TimeLimit::step(ConstFieldView action, FieldViews obs) {
  REVERIE_CHECK(steps_ < limit_, "{}: step() after the end of the episode; call reset() first",
                spec().id);
  StepResult result = inner().step(action, obs);
  ++steps_;
  if (steps_ == limit_ && !result.terminated) result.truncated = true;
  return result;
}

std::vector<double> TimeLimit::memory() const { return {static_cast<double>(steps_)}; }

void TimeLimit::set_memory(std::span<const double> numbers) {
  StateReader reader(fmt::format("{}: time_limit", spec().id), numbers);
  steps_ = reader.count(static_cast<double>(limit_));
}

}  // namespace reverie
