#include "agents/action_box.h"

#include <cmath>

#include "nn/pch.h"
#include "nn/tensor_map.h"

namespace reverie {
namespace {

float bound(const std::vector<float>& bounds, int64_t element) {
  return bounds.size() == 1 ? bounds.front() : bounds.at(static_cast<size_t>(element));
}

const Field& bounded_box(const EnvSpec& spec) {
  const Field* box = std::get_if<Field>(&spec.action);
  REVERIE_CHECK(box != nullptr, "{} has discrete actions; this agent needs continuous ones",
                spec.id);
  const auto n = static_cast<size_t>(box->numel());
  const bool real = box->dtype == DType::kFloat32 || box->dtype == DType::kFloat64;
  REVERIE_CHECK(
      real && box->shape.size() == 1 && n >= 1 && (box->low.size() == 1 || box->low.size() == n) &&
          (box->high.size() == 1 || box->high.size() == n),
      "{}: the action is no bounded vector of real numbers, which this agent needs", spec.id);
  for (int64_t i = 0; i < box->numel(); ++i) {
    const float low = bound(box->low, i);
    const float high = bound(box->high, i);
    REVERIE_CHECK(std::isfinite(low) && std::isfinite(high) && low < high,
                  "{}: action[{}] is bounded by [{}, {}], this agent needs finite bounds", spec.id,
                  i, low, high);
  }
  return *box;
}

}  // namespace

ActionBox::ActionBox(const EnvSpec& spec, at::Device device)
    : size_(bounded_box(spec).numel()),
      dtype_(scalar_type(bounded_box(spec).dtype)),
      is_unit_(true) {
  const Field& box = std::get<Field>(spec.action);
  centre_ = at::empty({size_}, at::kFloat);
  half_ = at::empty({size_}, at::kFloat);
  auto* centre = centre_.mutable_data_ptr<float>();
  auto* half = half_.mutable_data_ptr<float>();
  for (int64_t i = 0; i < size_; ++i) {
    // Halved first: the sum of two floats may overflow.
    centre[i] = 0.5F * bound(box.high, i) + 0.5F * bound(box.low, i);
    half[i] = 0.5F * bound(box.high, i) - 0.5F * bound(box.low, i);
    is_unit_ = is_unit_ && centre[i] == 0.0F && half[i] == 1.0F;
  }
  device_centre_ = centre_.to(device);
  device_half_ = half_.to(device);
}

at::Tensor ActionBox::from_unit(const at::Tensor& unit) const {
  return (is_unit_ ? unit : centre_ + half_ * unit).to(dtype_);
}

at::Tensor ActionBox::to_unit(const at::Tensor& action) const {
  return is_unit_ ? action : (action - device_centre_) / device_half_;
}

at::Tensor normal_like(const at::Tensor& like, Rng& rng) {
  at::Tensor noise = at::empty(like.sizes(), at::kFloat);
  rng.fill_normal(
      std::span<float>(noise.mutable_data_ptr<float>(), static_cast<size_t>(noise.numel())));
  return noise;
}

at::Tensor uniform_actions(const ActionSpace& space, int64_t count, Rng& rng) {
  if (const auto* discrete = std::get_if<DiscreteSpace>(&space)) {
    at::Tensor actions = at::empty({count}, at::kLong);
    auto* data = actions.mutable_data_ptr<int64_t>();
    for (int64_t i = 0; i < count; ++i) data[i] = rng.integers(0, discrete->n);
    return actions;
  }
  const Field& box = std::get<Field>(space);
  REVERIE_CHECK(!box.low.empty() && !box.high.empty(),
                "uniform actions: '{}' has no bounds to draw between", box.name);
  const int64_t size = box.numel();
  at::Tensor actions = at::empty({count, size}, scalar_type(box.dtype));
  const auto fill = [&](auto* data) {
    using Real = std::remove_pointer_t<decltype(data)>;
    for (int64_t i = 0; i < count * size; ++i) {
      data[i] = static_cast<Real>(rng.uniform(bound(box.low, i % size), bound(box.high, i % size)));
    }
  };
  if (box.dtype == DType::kFloat64) {
    fill(actions.mutable_data_ptr<double>());
  } else {
    fill(actions.mutable_data_ptr<float>());
  }
  return actions;
}

}  // namespace reverie
