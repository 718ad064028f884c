#include "envs/wrappers/wrapper.h"

namespace reverie {

Wrapper::Wrapper(std::unique_ptr<Env> inner, std::string_view note)
    : inner_(std::move(inner)), spec_(inner_->spec()) {
  constexpr std::string_view kOpening = "; wrapped: ";
  const bool first = spec_.source.find(kOpening) == std::string::npos;
  spec_.source += fmt::format("{}{}", first ? kOpening : ", ", note);
}

std::vector<double> Wrapper::state() const {
  std::vector<double> state = inner_->state();
  const std::vector<double> own = memory();
  state.insert(state.end(), own.begin(), own.end());
  return state;
}

void Wrapper::set_state(std::span<const double> state) {
  const std::vector<double> before = memory();
  REVERIE_CHECK(state.size() >= before.size(), "{}: a state of {} numbers, expected more than {}",
                spec_.id, state.size(), before.size());
  const size_t inner_size = state.size() - before.size();
  set_memory(state.subspan(inner_size));
  try {
    inner_->set_state(state.first(inner_size));
  } catch (...) {  // a refused state must change nothing
    set_memory(before);
    throw;
  }
}

RewardWrapper::RewardWrapper(std::unique_ptr<Env> wrapped, std::string_view note)
    : Wrapper(std::move(wrapped), note) {
  if (PhysicsState* physics = inner().physics()) physics_.emplace(*physics, *this);
}

StepResult RewardWrapper::step(ConstFieldView action, FieldViews obs) {
  StepResult result = inner().step(action, obs);
  result.reward = change(result.reward);
  return result;
}

std::optional<double> RewardWrapper::Physics::reward() const {
  std::optional<double> reward = WrappedPhysics::reward();
  if (reward) reward = wrapper_.change(*reward);
  return reward;
}

std::optional<StepResult> RewardWrapper::Physics::outcome(std::span<const double> achieved,
                                                          std::span<const double> desired) const {
  std::optional<StepResult> result = WrappedPhysics::outcome(achieved, desired);
  if (result) result->reward = wrapper_.change(result->reward);
  return result;
}

ObservationWrapper::ObservationWrapper(std::unique_ptr<Env> wrapped, std::string_view note)
    : Wrapper(std::move(wrapped), note) {
  if (PhysicsState* physics = inner().physics()) physics_.emplace(*physics, *this);
}

void ObservationWrapper::reset(uint64_t seed, FieldViews obs) {
  inner().reset(seed, inner_views(obs));
  start(seed);
  observe(obs, true);
}

StepResult ObservationWrapper::step(ConstFieldView action, FieldViews obs) {
  const StepResult result = inner().step(action, inner_views(obs));
  observe(obs, false);
  return result;
}

void ObservationWrapper::Physics::observe(FieldViews obs) const {
  WrappedPhysics::observe(wrapper_.inner_views(obs));
  wrapper_.observe(obs, true);
}

}  // namespace reverie
