#include "worldmodel/action_code.h"

#include <cmath>
#include <limits>

#include <fmt/ranges.h>

#include "nn/one_hot.h"
#include "nn/pch.h"
#include "nn/state_list.h"

namespace reverie {
namespace {

// The bound of each of `size` numbers; `otherwise` if the field has none.
at::Tensor bound(const std::vector<float>& values, int64_t size, float otherwise) {
  const at::Tensor out = at::full({size}, otherwise, at::kFloat);
  auto* data = out.mutable_data_ptr<float>();
  for (int64_t i = 0; i < size && !values.empty(); ++i) {
    data[i] = values.size() == 1 ? values[0] : values[static_cast<size_t>(i)];
  }
  return out;
}

// Without this check, broadcasting would take a block of k times one number for k times A.
void check_last_axes(const at::Tensor& actions, const std::vector<int64_t>& expected) {
  const auto axes = static_cast<int64_t>(expected.size());
  REVERIE_CHECK(actions.dim() >= axes && actions.sizes().slice(actions.dim() - axes) == expected,
                "world model: actions of shape {}, expected [..., {}]", actions.sizes().vec(),
                fmt::join(expected, ", "));
}

std::vector<float> values_of(const at::Tensor& vector) {
  const at::Tensor values = vector.to(at::kCPU, at::kFloat).contiguous();
  const auto* data = values.const_data_ptr<float>();
  return {data, data + values.numel()};
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
  if (choices_ > 0) {
    const at::Tensor known = at::logical_and(actions >= 0, actions < choices_);
    if (actions.is_cpu()) {
      REVERIE_CHECK(known.all().item<bool>(),
                    "world model: discrete actions from {} to {}, expected [0, {}]",
                    actions.min().item<int64_t>(), actions.max().item<int64_t>(), choices_ - 1);
      return from_plan(actions);
    }
    check_last_axes(actions, {block_});
    const at::Tensor code = one_hot_code(actions, choices_);
    return code.masked_fill(known.logical_not().unsqueeze(-1), std::nan("")).flatten(-2);
  }
  check_last_axes(actions, {block_, size_});
  const at::Tensor standard = (actions.to(at::kFloat) - mean_) / std_;
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  return standard.nan_to_num(0.0, kInfinity, -kInfinity).flatten(-2);
}

at::Tensor ActionCode::from_plan(const at::Tensor& planned) const {
  check_last_axes(planned, {choices_ > 0 ? block_ : model_size_});
  if (choices_ == 0) return planned;
  return one_hot_code(planned.to(at::kLong), choices_).flatten(-2);
}

at::Tensor ActionCode::to_environment(const at::Tensor& planned) const {
  check_last_axes(planned, {choices_ > 0 ? block_ : model_size_});
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
  REVERIE_CHECK(mean.sizes() == mean_.sizes() && std.sizes() == std_.sizes(),
                "actions: mean and standard deviation of shapes {} and {}, expected [{}]",
                mean.sizes().vec(), std.sizes().vec(), size_);
  REVERIE_CHECK(at::isfinite(mean).all().item<bool>() && at::isfinite(std).all().item<bool>() &&
                    (std >= 0.0).all().item<bool>(),
                "actions: mean {} and standard deviation {}, expected finite numbers, and none "
                "below 0 of the standard deviation",
                values_of(mean), values_of(std));
  mean_.copy_(mean);
  std_.copy_(at::where(std > 0.0, std, at::ones_like(std)));
}

void ActionCode::state(StateList& list) {
  list.add_weights("action.mean", mean_);
  list.add_weights("action.std", std_);
  list.after_load([this] { set_statistics(mean_.clone(), std_.clone()); });
}

}  // namespace reverie
