#include "replay/rollout.h"

#include <algorithm>
#include <cstring>

#include "nn/pch.h"
#include "nn/state_list.h"

namespace reverie {

at::Tensor Rollout::ended() const { return terminated.logical_or(truncated); }

at::Tensor Rollout::next_value(const at::Tensor& value, const at::Tensor& last_value,
                               const at::Tensor& final_value) const {
  const at::Tensor next = at::cat({value.narrow(0, 1, steps() - 1), last_value.unsqueeze(0)});
  return next.view({-1}).index_copy(0, final_index, final_value).view_as(value);
}

at::Tensor Rollout::sequences(int64_t length) const {
  REVERIE_CHECK(length >= 1 && steps() % length == 0,
                "rollout: {} steps cannot be cut into sequences of {}", steps(), length);
  return at::arange(steps() * num_envs(), reward.options().dtype(at::kLong))
      .view({-1, length, num_envs()})
      .transpose(1, 2)
      .reshape({-1, length});
}

at::Tensor flat(const at::Tensor& steps) { return steps.flatten(0, 1); }

TensorMap flat(const TensorMap& steps) {
  TensorMap out;
  for (const auto& [name, values] : steps) out.add(name, flat(values));
  return out;
}

Advantages advantages(const at::Tensor& reward, const at::Tensor& value,
                      const at::Tensor& next_value, const at::Tensor& terminated,
                      const at::Tensor& truncated, double gamma, double lambda) {
  const at::NoGradGuard no_grad;
  const at::Tensor bootstrap = next_value.masked_fill(terminated, 0.0);
  const at::Tensor delta = reward + gamma * bootstrap - value;
  const at::Tensor goes_on = terminated.logical_or(truncated).logical_not();
  const at::Tensor decay = gamma * lambda * goes_on.to(reward.scalar_type());
  at::Tensor advantage = delta.clone();
  for (int64_t t = reward.size(0) - 2; t >= 0; --t) {
    advantage[t].addcmul_(decay[t], advantage[t + 1]);
  }
  return {.advantage = advantage, .returns = advantage + value};
}

namespace {

std::vector<int64_t> with_axes(std::initializer_list<int64_t> first, const Field& field) {
  std::vector<int64_t> shape(first);
  shape.insert(shape.end(), field.shape.begin(), field.shape.end());
  return shape;
}

Field as_stored(Field field) {
  if (field.dtype == DType::kFloat64) field.dtype = DType::kFloat32;
  return field;
}

at::Tensor to_device(const at::Tensor& tensor, at::Device device) {
  return tensor.to(device, /*non_blocking=*/false, /*copy=*/false);
}

}  // namespace

RolloutStore::Column::Column(const Field& shown, int64_t rows, int64_t num_envs)
    : field(as_stored(shown)),
      data(at::zeros(with_axes({rows, num_envs}, field), scalar_type(field.dtype))),
      row_bytes(field.bytes() * static_cast<size_t>(num_envs)) {}

void RolloutStore::Column::put(int64_t row, const FieldView& view) {
  auto* target =
      static_cast<std::byte*>(data.mutable_data_ptr()) + static_cast<size_t>(row) * row_bytes;
  if (view.field->dtype == DType::kFloat64) {
    const auto values = view.as<double>();
    auto* out = reinterpret_cast<float*>(target);
    std::transform(values.begin(), values.end(), out,
                   [](double value) { return static_cast<float>(value); });
  } else {
    std::memcpy(target, view.data, row_bytes);
  }
}

void RolloutStore::Column::put(int64_t row, const at::Tensor& values) {
  const ConstFieldView view = view_of(field, values);
  REVERIE_CHECK(static_cast<size_t>(view.count) * field.bytes() == row_bytes,
                "rollout: {} rows of {}, expected {}", view.count, field.name,
                row_bytes / field.bytes());
  std::memcpy(
      static_cast<std::byte*>(data.mutable_data_ptr()) + static_cast<size_t>(row) * row_bytes,
      view.data, row_bytes);
}

RolloutStore::RolloutStore(const EnvSpec& spec, std::vector<Field> extra, int64_t steps,
                           int64_t num_envs)
    : steps_(steps),
      num_envs_(num_envs),
      action_(action_field(spec.action), std::max<int64_t>(steps, 0),
              std::max<int64_t>(num_envs, 0)),
      reward_(at::zeros({std::max<int64_t>(steps, 0), std::max<int64_t>(num_envs, 0)})) {
  REVERIE_CHECK(steps >= 1 && num_envs >= 1,
                "rollout: {} steps of {} environments, expected at least 1 of each", steps,
                num_envs);
  for (const Field& field : spec.observation) {
    obs_.emplace_back(field, steps + 1, num_envs);
    final_.emplace_back(field, num_envs, 1);
  }
  for (const Field& field : extra) extra_.emplace_back(field, steps, num_envs);
  started_ = at::zeros({steps, num_envs}, at::kBool);
  terminated_ = at::zeros_like(started_);
  truncated_ = at::zeros_like(started_);
  final_index_ = at::zeros({num_envs}, at::kLong);
  starts_ = at::ones({num_envs}, at::kBool);
}

void RolloutStore::begin(FieldViews obs) {
  t_ = 0;
  finals_ = 0;
  for (size_t f = 0; f < obs_.size(); ++f) obs_[f].put(0, obs[f]);
}

void RolloutStore::start_episodes() { starts_.fill_(true); }

TensorMap RolloutStore::observations() const {
  TensorMap out;
  for (const Column& column : obs_) out.add(column.field.name, column.row(t_));
  return out;
}

void RolloutStore::add(const at::Tensor& action, const TensorMap& extra, const VectorStep& step) {
  REVERIE_CHECK(!full(), "rollout: full after {} steps; begin() the next one", steps_);
  action_.put(t_, action);
  for (Column& column : extra_) column.put(t_, extra.at(column.field.name));
  for (size_t f = 0; f < obs_.size(); ++f) obs_[f].put(t_ + 1, step.obs[f]);
  const int64_t row = t_ * num_envs_;
  auto* started = started_.mutable_data_ptr<bool>() + row;
  auto* terminated = terminated_.mutable_data_ptr<bool>() + row;
  auto* truncated = truncated_.mutable_data_ptr<bool>() + row;
  auto* reward = reward_.mutable_data_ptr<float>() + row;
  auto* starts = starts_.mutable_data_ptr<bool>();
  for (int64_t n = 0; n < num_envs_; ++n) {
    const auto env = static_cast<size_t>(n);
    started[n] = starts[n];
    reward[n] = static_cast<float>(step.reward[env]);
    terminated[n] = step.terminated[env] != 0;
    truncated[n] = step.truncated[env] != 0 && !terminated[n];
    starts[n] = terminated[n] || truncated[n];
    if (truncated[n]) add_final(step, n);
  }
  ++t_;
}

void RolloutStore::add_final(const VectorStep& step, int64_t env) {
  const int64_t rows = final_index_.size(0);
  if (finals_ == rows) {  // doubles the capacity
    final_index_ = at::cat({final_index_, at::zeros_like(final_index_)});
    for (Column& column : final_) {
      column.data = at::cat({column.data, at::zeros_like(column.data)});
    }
  }
  for (size_t f = 0; f < final_.size(); ++f) final_[f].put(finals_, step.final_obs[f].row(env));
  final_index_.mutable_data_ptr<int64_t>()[finals_] = t_ * num_envs_ + env;
  ++finals_;
}

Rollout RolloutStore::rollout(at::Device device) const {
  REVERIE_CHECK(full(), "rollout: asked for after {} of {} steps", t_, steps_);
  Rollout out;
  for (const Column& column : obs_) {
    const at::Tensor all = to_device(column.data, device);
    out.obs.add(column.field.name, all.narrow(0, 0, steps_));
    out.last_obs.add(column.field.name, all.select(0, steps_));
  }
  for (const Column& column : extra_) {
    out.extra.add(column.field.name, to_device(column.data, device));
  }
  for (const Column& column : final_) {
    out.final_obs.add(column.field.name,
                      to_device(column.data.narrow(0, 0, finals_).squeeze(1), device));
  }
  out.started = to_device(started_, device);
  out.action = to_device(action_.data, device);
  out.reward = to_device(reward_, device);
  out.terminated = to_device(terminated_, device);
  out.truncated = to_device(truncated_, device);
  out.final_index = to_device(final_index_.narrow(0, 0, finals_), device);
  return out;
}

void RolloutStore::state(StateList& list) { list.add_learning("starts", starts_); }

}  // namespace reverie
