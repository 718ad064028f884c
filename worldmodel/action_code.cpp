#include "worldmodel/action_code.h"

#include <limits>

#include <fmt/ranges.h>

#include "worldmodel/pch.h"

namespace reverie {
namespace {

// A bound of each of `size` numbers; `otherwise` where the field has none.
at::Tensor bound(const std::vector<float>& values, int64_t size, float otherwise) {
  const at::Tensor out = at::full({size}, otherwise, at::kFloat);
  auto* data = out.mutable_data_ptr<float>();
  for (int64_t i = 0; i < size && !values.empty(); ++i) {
    data[i] = values.size() == 1 ? values[0] : values[static_cast<size_t>(i)];
  }
  return out;
}

}  // namespace

ActionCode::ActionCode(const ActionSpace& space, int64_t block, at::Device device)
    : block_(block), dtype_(scalar_type(action_field(space).dtype)) {
  REVERIE_CHECK(block >= 1, "action block: {} actions, expected at least 1", block);
  if (const auto* discrete = std::get_if<DiscreteSpace>(&space)) {
    choices_ = discrete->n;
    model_size_ = block * choices_;
    mean_ = at::zeros({1}, at::TensorOptions(at::kFloat).device(device));
    std_ = at::ones_like(mean_);
    return;
  }
  const Field& box = std::get<Field>(space);
  REVERIE_CHECK(box.shape.size() == 1 && c10::isFloatingType(dtype_),
                "world model: actions of {} axes and type {}, expected a vector of floats",
                box.shape.size(), dtype_name(box.dtype));
  size_ = box.numel();
  model_size_ = block * size_;
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  low_ = bound(box.low, size_, -kInfinity).to(device);
  high_ = bound(box.high, size_, kInfinity).to(device);
  mean_ = at::zeros_like(low_);
  std_ = at::ones_like(low_);
}

at::Tensor ActionCode::to_model(const at::Tensor& actions) const {
  if (choices_ > 0) return from_plan(actions);
  const at::Tensor standard = (actions.to(at::kFloat) - mean_) / std_;
  return standard.nan_to_num(0.0).flatten(-2);
}

at::Tensor ActionCode::from_plan(const at::Tensor& planned) const {
  if (choices_ == 0) return planned;
  return at::one_hot(planned.to(at::kLong), choices_).to(at::kFloat).flatten(-2);
}

at::Tensor ActionCode::to_environment(const at::Tensor& planned) const {
  if (choices_ > 0) return planned.cpu().to(dtype_);
  std::vector<int64_t> shape = planned.sizes().vec();
  shape.back() = block_;
  shape.push_back(size_);
  const at::Tensor actions = planned.view(shape) * std_ + mean_;
  return at::minimum(at::maximum(actions, low_), high_).cpu().to(dtype_);
}

ActionLimits ActionCode::limits() const {
  if (choices_ > 0) {
    const at::Tensor none = at::zeros({block_}, mean_.options());
    return {.low = none, .high = none + static_cast<double>(choices_ - 1), .choices = choices_};
  }
  return {.low = ((low_ - mean_) / std_).repeat({block_}),
          .high = ((high_ - mean_) / std_).repeat({block_})};
}

void ActionCode::set_statistics(const at::Tensor& mean, const at::Tensor& std) {
  REVERIE_CHECK(mean.sizes() == mean_.sizes() && std.sizes() == std_.sizes() &&
                    at::isfinite(mean).all().item<bool>() && at::isfinite(std).all().item<bool>(),
                "actions: mean {} and standard deviation {}, expected {} finite numbers each",
                mean.sizes().vec(), std.sizes().vec(), size_);
  mean_.copy_(mean);
  std_.copy_(at::where(std > 0.0, std, at::ones_like(std)));
}

void ActionCode::save(TensorMap& out) const {
  out.add("action.mean", mean_.clone());
  out.add("action.std", std_.clone());
}

void ActionCode::load(const TensorMap& saved) {
  restore_tensor(mean_, "action.mean", saved);
  restore_tensor(std_, "action.std", saved);
}

}  // namespace reverie
