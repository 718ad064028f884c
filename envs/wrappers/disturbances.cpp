#include "envs/wrappers/disturbances.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "envs/wrappers/state_numbers.h"

namespace reverie {
namespace {

// A salt per generator, so that no two draw the same numbers from one episode's seed.
constexpr uint64_t kStickySalt = 0x73746963;       // "stic"
constexpr uint64_t kActionSalt = 0x6163746e;       // "actn"
constexpr uint64_t kObservationSalt = 0x6f62736e;  // "obsn"

Rng generator(uint64_t seed, uint64_t salt) { return Rng(mix_seed({seed, salt})); }

bool is_float(const Field& field) {
  return field.dtype == DType::kFloat32 || field.dtype == DType::kFloat64;
}

std::vector<double> generator_memory(const Rng& rng) {
  StateWriter writer;
  writer.generator(rng);
  return writer.take();
}

}  // namespace

StickyActions::StickyActions(std::unique_ptr<Env> wrapped, double probability)
    : Wrapper(std::move(wrapped), fmt::format("sticky_actions {}", probability)),
      probability_(probability),
      action_field_(action_field(spec().action)),
      previous_(action_field_.bytes()) {
  edit_spec().reference.reset();
}

void StickyActions::reset(uint64_t seed, FieldViews obs) {
  rng_ = generator(seed, kStickySalt);
  has_previous_ = false;
  std::fill(previous_.begin(), previous_.end(), std::byte{0});
  inner().reset(seed, obs);
}

StepResult StickyActions::step(ConstFieldView action, FieldViews obs) {
  check_action(spec().id, spec().action, action);  // before anything is drawn
  const bool stick = rng_.random() < probability_ && has_previous_;
  if (!stick) std::memcpy(previous_.data(), action.data, previous_.size());
  has_previous_ = true;
  return inner().step({&action_field_, previous_.data(), 1}, obs);
}

std::vector<double> StickyActions::memory() const {
  StateWriter writer;
  writer.count(has_previous_ ? 1 : 0);
  writer.row(action_field_, previous_);
  writer.generator(rng_);
  return writer.take();
}

void StickyActions::set_memory(std::span<const double> numbers) {
  StateReader reader(fmt::format("{}: sticky_actions", spec().id), numbers);
  const bool has_previous = reader.count(1.0) != 0;
  std::vector<std::byte> previous = reader.row(action_field_);
  check_action(spec().id, spec().action, {&action_field_, previous.data(), 1});
  rng_ = reader.generator();
  has_previous_ = has_previous;
  previous_ = std::move(previous);
}

ActionNoise::ActionNoise(std::unique_ptr<Env> wrapped, double std)
    : Wrapper(std::move(wrapped), fmt::format("action_noise {}", std)), std_(std) {
  edit_spec().reference.reset();
  const auto* box = std::get_if<Field>(&spec().action);
  REVERIE_CHECK(box != nullptr,
                "{}: --action-noise {}: the actions are discrete, expected a Box of floats (for "
                "discrete ones there is --sticky-actions)",
                spec().id, std);
  const auto bounds = [&](const std::vector<float>& bound) {
    std::vector<double> all(bound.begin(), bound.end());
    if (all.size() == 1) all.resize(static_cast<size_t>(box->numel()), all[0]);
    return all;
  };
  box_ = *box;
  low_ = bounds(box->low);
  high_ = bounds(box->high);
  const auto finite = [](double value) { return std::isfinite(value); };
  REVERIE_CHECK(is_float(*box) && !low_.empty() && low_.size() == high_.size() &&
                    std::all_of(low_.begin(), low_.end(), finite) &&
                    std::all_of(high_.begin(), high_.end(), finite),
                "{}: --action-noise {}: the actions are {} without finite bounds, expected floats "
                "with bounds, whose range is the unit of the noise",
                spec().id, std, dtype_name(box->dtype));
  noisy_.resize(box->bytes());
}

void ActionNoise::reset(uint64_t seed, FieldViews obs) {
  rng_ = generator(seed, kActionSalt);
  inner().reset(seed, obs);
}

template <typename T>
void ActionNoise::disturb(std::span<const T> action) {
  for (size_t i = 0; i < action.size(); ++i) {
    const double given = std::clamp(static_cast<double>(action[i]), low_[i], high_[i]);
    const double noise = 0.5 * (high_[i] - low_[i]) * std_ * rng_.standard_normal();
    const auto value = static_cast<T>(std::clamp(given + noise, low_[i], high_[i]));
    std::memcpy(noisy_.data() + i * sizeof(T), &value, sizeof(T));
  }
}

StepResult ActionNoise::step(ConstFieldView action, FieldViews obs) {
  check_action(spec().id, spec().action, action);  // before anything is drawn
  if (box_.dtype == DType::kFloat32) {
    disturb(action.as<float>());
  } else {
    disturb(action.as<double>());
  }
  return inner().step({&box_, noisy_.data(), 1}, obs);
}

std::vector<double> ActionNoise::memory() const { return generator_memory(rng_); }

void ActionNoise::set_memory(std::span<const double> numbers) {
  rng_ = StateReader(fmt::format("{}: action_noise", spec().id), numbers).generator();
}

ObservationNoise::ObservationNoise(std::unique_ptr<Env> wrapped, double std)
    : ObservationWrapper(std::move(wrapped), fmt::format("observation_noise {}", std)), std_(std) {
  edit_spec().reference.reset();
  bool any = false;
  for (Field& field : edit_spec().observation) {
    if (!is_float(field)) continue;
    field.low.clear();
    field.high.clear();
    any = true;
  }
  REVERIE_CHECK(any,
                "{}: --observation-noise {}: the observation has no field of floats, expected one "
                "(--observation state or both)",
                spec().id, std);
}

void ObservationNoise::start(uint64_t seed) { rng_ = generator(seed, kObservationSalt); }

void ObservationNoise::observe(FieldViews obs, bool /*first*/) {
  for (const FieldView& view : obs) {
    if (view.field->dtype == DType::kFloat64) {
      for (double& value : view.as<double>()) value += std_ * rng_.standard_normal();
    } else if (view.field->dtype == DType::kFloat32) {
      for (float& value : view.as<float>()) {
        value = static_cast<float>(value + std_ * rng_.standard_normal());
      }
    }
  }
}

std::vector<double> ObservationNoise::memory() const { return generator_memory(rng_); }

void ObservationNoise::set_memory(std::span<const double> numbers) {
  rng_ = StateReader(fmt::format("{}: observation_noise", spec().id), numbers).generator();
}

}  // namespace reverie
