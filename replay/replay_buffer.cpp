#include "replay/replay_buffer.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "replay/pch.h"

namespace reverie {
namespace {

at::Tensor reserve(int64_t rows, const Field& field) {
  std::vector<int64_t> shape{rows};
  shape.insert(shape.end(), field.shape.begin(), field.shape.end());
  try {
    return at::empty(shape, scalar_type(field.dtype));
  } catch (const c10::Error&) {
    fail_run("replay: no memory for {} rows of '{}' ({} MB); lower --replay-capacity", rows,
             field.name, static_cast<size_t>(rows) * field.bytes() / 1000000);
  }
}

// Learners compute in float32; images stay as they are and discrete actions stay integers.
c10::ScalarType batch_type(DType dtype) {
  return dtype == DType::kFloat64 ? at::kFloat : scalar_type(dtype);
}

std::string observation_key(const Field& field) { return fmt::format("replay.obs.{}", field.name); }

}  // namespace

std::byte* ReplayBuffer::Column::row(int64_t slot) const {
  return static_cast<std::byte*>(data.data_ptr()) + static_cast<size_t>(slot) * row_bytes;
}

ReplayBuffer::ReplayBuffer(const EnvSpec& spec, int64_t capacity, int64_t num_envs,
                           at::Device device)
    : lanes_(num_envs), slots_(num_envs > 0 ? capacity / num_envs : 0), device_(device) {
  REVERIE_CHECK(num_envs >= 1 && slots_ >= 3,
                "replay: a capacity of {} for {} environments, expected at least {}", capacity,
                num_envs, 3 * std::max<int64_t>(num_envs, 1));
  const int64_t rows = lanes_ * slots_;
  const auto column = [&](const Field& field) {
    return Column{.field = field, .data = reserve(rows, field), .row_bytes = field.bytes()};
  };
  for (const Field& field : spec.observation) observation_.push_back(column(field));
  action_ = column(action_field(spec.action));
  reward_.resize(static_cast<size_t>(rows));
  terminated_.resize(static_cast<size_t>(rows));
  kind_.assign(static_cast<size_t>(rows), kEmpty);
  head_.assign(static_cast<size_t>(lanes_), 0);
  filled_.assign(static_cast<size_t>(lanes_), 0);
}

size_t ReplayBuffer::bytes_per_transition() const {
  size_t bytes = action_.row_bytes + sizeof(float) + 2;
  for (const Column& column : observation_) bytes += column.row_bytes;
  return bytes;
}

int64_t ReplayBuffer::slot_after(int64_t slot) const {
  const int64_t lane = slot / slots_;
  return lane * slots_ + (slot - lane * slots_ + 1) % slots_;
}

void ReplayBuffer::set_kind(int64_t slot, Kind kind) {
  uint8_t& stored = kind_[static_cast<size_t>(slot)];
  steps_ += (kind == kStep ? 1 : 0) - (stored == kStep ? 1 : 0);
  stored = kind;
}

void ReplayBuffer::advance(int64_t lane) {
  int64_t& head = head_[static_cast<size_t>(lane)];
  head = (head + 1) % slots_;
}

void ReplayBuffer::write_observation(int64_t lane, FieldViews views, int64_t row) {
  const auto l = static_cast<size_t>(lane);
  const int64_t slot = lane * slots_ + head_[l];
  for (size_t f = 0; f < observation_.size(); ++f) {
    std::memcpy(observation_[f].row(slot), views[f].row(row).data, observation_[f].row_bytes);
  }
  // What no step has filled yet is zero, so that a saved buffer holds nothing but what happened.
  std::memset(action_.row(slot), 0, action_.row_bytes);
  reward_[static_cast<size_t>(slot)] = 0.0F;
  terminated_[static_cast<size_t>(slot)] = 0;
  filled_[l] = std::min(filled_[l] + 1, slots_);
  set_kind(slot, kPending);
}

void ReplayBuffer::start(FieldViews obs) {
  for (int64_t lane = 0; lane < lanes_; ++lane) write_observation(lane, obs, lane);
}

void ReplayBuffer::add(ConstFieldView actions, const VectorStep& step) {
  REVERIE_CHECK(actions.count == lanes_ && step.reward.size() == static_cast<size_t>(lanes_),
                "replay: {} actions and {} rewards for {} environments", actions.count,
                step.reward.size(), lanes_);
  for (int64_t lane = 0; lane < lanes_; ++lane) {
    const auto l = static_cast<size_t>(lane);
    const int64_t slot = lane * slots_ + head_[l];
    const auto s = static_cast<size_t>(slot);
    REVERIE_CHECK(kind_[s] == kPending, "replay: add() before start()");
    std::memcpy(action_.row(slot), actions.row(lane).data, action_.row_bytes);
    reward_[s] = static_cast<float>(step.reward[l]);
    terminated_[s] = step.terminated[l];
    set_kind(slot, kStep);
    advance(lane);
    if (step.terminated[l] != 0 || step.truncated[l] != 0) {
      write_observation(lane, step.final_obs, lane);
      set_kind(lane * slots_ + head_[l], kEnd);
      advance(lane);
    }
    write_observation(lane, step.obs, lane);
  }
}

Batch ReplayBuffer::sample(int64_t batch, const SampleSpec& spec, Rng& rng) const {
  REVERIE_CHECK(steps_ > 0, "replay: nothing stored yet, cannot draw {} transitions", batch);
  REVERIE_CHECK(batch >= 1 && spec.n_step >= 1, "replay: batch {} and n_step {}, expected >= 1",
                batch, spec.n_step);
  const auto b = static_cast<size_t>(batch);
  std::vector<int64_t> first(b);
  std::vector<int64_t> last(b);
  Batch out;
  out.reward = at::empty({batch}, at::kFloat);
  out.discount = at::empty({batch}, at::kFloat);
  float* reward = out.reward.mutable_data_ptr<float>();
  float* discount = out.discount.mutable_data_ptr<float>();
  // All lanes have written equally many steps, so a uniform slot among the filled ones, drawn again
  // until it holds a step, is a uniform transition. Few slots are of another kind.
  const int64_t filled = *std::max_element(filled_.begin(), filled_.end());
  for (size_t i = 0; i < b; ++i) {
    int64_t slot = 0;
    do {
      const int64_t draw = rng.integers(0, lanes_ * filled);
      slot = draw / filled * slots_ + draw % filled;
    } while (kind_[static_cast<size_t>(slot)] != kStep);
    first[i] = slot;
    double sum = 0.0;
    double weight = 1.0;
    for (int64_t k = 0; k < spec.n_step && kind_[static_cast<size_t>(slot)] == kStep; ++k) {
      const auto s = static_cast<size_t>(slot);
      sum += weight * reward_[s];
      weight *= spec.gamma;
      if (terminated_[s] != 0) weight = 0.0;
      slot = slot_after(slot);
    }
    last[i] = slot;
    reward[i] = static_cast<float>(sum);
    discount[i] = static_cast<float>(weight);
  }
  out.obs = gather_observations(first);
  out.next_obs = gather_observations(last);
  out.action = gather(action_, first);
  out.index = at::empty({batch}, at::kLong);
  std::copy(first.begin(), first.end(), out.index.mutable_data_ptr<int64_t>());
  if (!device_.is_cpu()) {
    for (at::Tensor* tensor : {&out.reward, &out.discount, &out.index}) {
      *tensor = tensor->to(device_, /*non_blocking=*/true);
    }
  }
  return out;
}

TensorMap ReplayBuffer::gather_observations(const std::vector<int64_t>& slots) const {
  TensorMap map;
  for (const Column& column : observation_) map.add(column.field.name, gather(column, slots));
  return map;
}

at::Tensor ReplayBuffer::gather(const Column& column, const std::vector<int64_t>& slots) const {
  std::vector<int64_t> shape{static_cast<int64_t>(slots.size())};
  shape.insert(shape.end(), column.field.shape.begin(), column.field.shape.end());
  at::Tensor rows = at::empty(shape, batch_type(column.field.dtype));
  if (column.field.dtype == DType::kFloat64) {
    auto* out = rows.mutable_data_ptr<float>();
    const int64_t width = column.field.numel();
    for (const int64_t slot : slots) {
      const auto* in = reinterpret_cast<const double*>(column.row(slot));
      out = std::transform(in, in + width, out, [](double x) { return static_cast<float>(x); });
    }
  } else {
    auto* out = static_cast<std::byte*>(rows.mutable_data_ptr());
    for (const int64_t slot : slots) {
      std::memcpy(out, column.row(slot), column.row_bytes);
      out += column.row_bytes;
    }
  }
  return device_.is_cpu() ? rows : rows.to(device_, /*non_blocking=*/true);
}

namespace {

template <typename T>
void copy_back(std::vector<T>& values, std::string_view name, const TensorMap& saved) {
  at::Tensor target = copy_to_tensor<T>(values);
  restore_tensor(target, name, saved);
  const T* data = static_cast<const T*>(target.const_data_ptr());
  std::copy(data, data + values.size(), values.begin());
}

}  // namespace

void ReplayBuffer::save(TensorMap& out) const {
  // Only what was ever written: a young buffer makes a small file.
  const int64_t filled = *std::max_element(filled_.begin(), filled_.end());
  const auto written = [&](const at::Tensor& data) {
    std::vector<int64_t> shape{lanes_, slots_};
    shape.insert(shape.end(), data.sizes().begin() + 1, data.sizes().end());
    return data.view(shape).narrow(1, 0, filled).contiguous();
  };
  for (const Column& column : observation_) {
    out.add(observation_key(column.field), written(column.data));
  }
  out.add("replay.action", written(action_.data));
  out.add("replay.reward", written(copy_to_tensor<float>(reward_)));
  out.add("replay.terminated", written(copy_to_tensor<uint8_t>(terminated_)));
  out.add("replay.kind", written(copy_to_tensor<uint8_t>(kind_)));
  out.add("replay.head", copy_to_tensor<int64_t>(head_));
  out.add("replay.filled", copy_to_tensor<int64_t>(filled_));
}

void ReplayBuffer::restore(const TensorMap& saved) {
  std::fill(kind_.begin(), kind_.end(), kEmpty);
  copy_back(head_, "replay.head", saved);
  copy_back(filled_, "replay.filled", saved);
  for (int64_t lane = 0; lane < lanes_; ++lane) {
    const auto l = static_cast<size_t>(lane);
    REVERIE_CHECK(head_[l] >= 0 && head_[l] < slots_ && filled_[l] >= 1 && filled_[l] <= slots_ &&
                      head_[l] < filled_[l],
                  "replay: lane {} is at slot {} of {} filled, {} in all: the file is damaged",
                  lane, head_[l], filled_[l], slots_);
  }
  const int64_t filled = *std::max_element(filled_.begin(), filled_.end());
  const auto read = [&](const at::Tensor& data, const std::string& name) {
    std::vector<int64_t> shape{lanes_, slots_};
    shape.insert(shape.end(), data.sizes().begin() + 1, data.sizes().end());
    at::Tensor target = data.view(shape).narrow(1, 0, filled);
    restore_tensor(target, name, saved);
  };
  for (Column& column : observation_) read(column.data, observation_key(column.field));
  read(action_.data, "replay.action");
  const auto read_vector = [&](auto& values, const std::string& name) {
    using T = typename std::remove_reference_t<decltype(values)>::value_type;
    at::Tensor data = copy_to_tensor<T>(values);
    read(data, name);
    const T* source = static_cast<const T*>(data.const_data_ptr());
    std::copy(source, source + values.size(), values.begin());
  };
  read_vector(reward_, "replay.reward");
  read_vector(terminated_, "replay.terminated");
  read_vector(kind_, "replay.kind");
  for (int64_t lane = 0; lane < lanes_; ++lane) {
    const int64_t pending = lane * slots_ + head_[static_cast<size_t>(lane)];
    REVERIE_CHECK(kind_[static_cast<size_t>(pending)] == kPending,
                  "replay: the newest slot of lane {} holds no observation: the file is damaged",
                  lane);
  }
  steps_ = std::count(kind_.begin(), kind_.end(), static_cast<uint8_t>(kStep));
}

}  // namespace reverie
