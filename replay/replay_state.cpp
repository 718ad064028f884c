// Saving and restoring a replay buffer.

#include <algorithm>
#include <cmath>

#include "nn/pch.h"
#include "nn/state_list.h"
#include "replay/replay_buffer.h"

namespace reverie {
namespace {

std::string observation_key(const Field& field) { return fmt::format("replay.obs.{}", field.name); }

// Only rows of the written slots, [lanes, filled, ...], so that a young buffer makes a small file.
at::Tensor written_rows(const at::Tensor& data, int64_t lanes, int64_t slots, int64_t filled) {
  return data.unflatten(0, {lanes, slots}).narrow(1, 0, filled);
}

// Observations that are encoded in one go: the features of many pictures need much memory.
constexpr size_t kEncodedAtOnce = 256;

template <typename T>
at::Tensor tensor_of(std::vector<T>& values) {
  return at::from_blob(values.data(), {static_cast<int64_t>(values.size())},
                       c10::CppTypeToScalarType<T>::value);
}

// One member of all records, [records], without a copy.
template <typename Record, typename T>
at::Tensor tensor_of(std::vector<Record>& records, T Record::*member) {
  static_assert(sizeof(Record) % sizeof(T) == 0);
  return at::from_blob(&(records.front().*member), {static_cast<int64_t>(records.size())},
                       {static_cast<int64_t>(sizeof(Record) / sizeof(T))},
                       c10::CppTypeToScalarType<T>::value);
}

}  // namespace

void ReplayBuffer::save(TensorMap& out) const {
  const auto add = [&](std::string name, const at::Tensor& data) {
    out.add(std::move(name), written_rows(data, lanes_, slots_, filled()));
  };
  for (const Column& column : observation_) add(observation_key(column.field), column.data);
  add("replay.action", action_->data);
  // Only read from; at::Tensor has no const version.
  auto& slots = const_cast<std::vector<Slot>&>(slot_);
  add("replay.reward", tensor_of(slots, &Slot::reward));
  add("replay.terminated", tensor_of(slots, &Slot::terminated));
  add("replay.truncated", tensor_of(slots, &Slot::truncated));
  add("replay.kind", tensor_of(slots, &Slot::kind));
  add("replay.step", tensor_of(slots, &Slot::step));
  out.add("replay.written", copy_to_tensor<int64_t>(written_));
  if (!priority_) return;
  // The tree's leaves, which are not a tensor: the only column that is copied.
  const at::Tensor priorities = at::empty({capacity()}, at::kDouble);
  auto* priority = priorities.mutable_data_ptr<double>();
  for (int64_t slot = 0; slot < capacity(); ++slot) priority[slot] = priority_->at(slot);
  add("replay.priority", priorities);
  out.add("replay.max_priority", copy_to_tensor<double>({&max_priority_, 1}));
}

void ReplayBuffer::list_state(StateList& list, const std::string& group) {
  list.add_group({.name = group,
                  .save = [this](TensorMap& out) { save(out); },
                  .load = [this](const TensorReader& saved) { restore(saved); }});
}

void ReplayBuffer::clear() {
  for (Slot& slot : slot_) slot.kind = kEmpty;
  std::fill(written_.begin(), written_.end(), 0);
  for (auto& ends : ends_) ends.clear();
  if (priority_) priority_.emplace(capacity());
  steps_ = 0;
  max_priority_ = 1.0;
}

void ReplayBuffer::encode(const ReplayBuffer& other,
                          const std::function<TensorMap(const TensorMap& obs)>& encode) {
  clear();
  REVERIE_CHECK(lanes_ == other.lanes_ && slots_ == other.slots_,
                "replay: a buffer of {} lanes of {} slots cannot take one of {} of {}", lanes_,
                slots_, other.lanes_, other.slots_);
  REVERIE_CHECK(action_->field == other.action_->field, "replay: the buffers' actions differ");
  REVERIE_CHECK(!priority_ && frames_ == 1 && other.frames_ == 1,
                "replay: encoded observations without priorities and "
                "stacks of frames only");
  std::vector<int64_t> slots;  // with an observation
  for (int64_t slot = 0; slot < capacity(); ++slot) {
    if (other.kind(slot) != kEmpty) slots.push_back(slot);
  }
  const std::span<const int64_t> all = slots;
  for (size_t first = 0; first < all.size(); first += kEncodedAtOnce) {
    encode_slots(other, all.subspan(first, std::min(kEncodedAtOnce, all.size() - first)), encode);
  }
  written_rows(action_->data, lanes_, slots_, other.filled())
      .copy_(written_rows(other.action_->data, lanes_, slots_, other.filled()));
  slot_ = other.slot_;
  written_ = other.written_;
  ends_ = other.ends_;
  steps_ = other.steps_;
}

void ReplayBuffer::encode_slots(const ReplayBuffer& other, std::span<const int64_t> slots,
                                const std::function<TensorMap(const TensorMap& obs)>& encode) {
  TensorMap obs;
  for (const Column& column : other.observation_) {
    obs.add(column.field.name, other.gather(column, slots));
  }
  const TensorMap encoded = encode(obs);
  const at::Tensor index = copy_to_tensor(slots);
  for (Column& column : observation_) {
    const at::Tensor rows = encoded.at(column.field.name).cpu();
    std::vector<int64_t> expected = column.data.sizes().vec();
    expected[0] = index.size(0);
    REVERIE_CHECK(rows.sizes() == at::IntArrayRef(expected) &&
                      rows.scalar_type() == column.data.scalar_type(),
                  "replay: encoded '{}' does not have the shape or dtype of its field",
                  column.field.name);
    column.data.index_copy_(0, index, rows);
  }
}

void ReplayBuffer::restore(const TensorReader& saved) {
  clear();
  try {
    restore_checked(saved);
  } catch (...) {
    clear();
    throw;
  }
}

void ReplayBuffer::restore_checked(const TensorReader& saved) {
  const at::Tensor written = tensor_of(written_);
  saved.read_into("replay.written", written);
  for (int64_t lane = 0; lane < lanes_; ++lane) {
    const int64_t count = written_[static_cast<size_t>(lane)];
    REVERIE_CHECK(count >= 1 && count < int64_t{1} << 62,
                  "replay: lane {} has seen {} observations: the file is damaged", lane, count);
  }
  const auto read = [&](const at::Tensor& data, const std::string& name) {
    const at::Tensor target = written_rows(data, lanes_, slots_, filled());
    saved.read_into(name, target);
  };
  for (Column& column : observation_) read(column.data, observation_key(column.field));
  read(action_->data, "replay.action");
  read(tensor_of(slot_, &Slot::reward), "replay.reward");
  read(tensor_of(slot_, &Slot::terminated), "replay.terminated");
  read(tensor_of(slot_, &Slot::truncated), "replay.truncated");
  read(tensor_of(slot_, &Slot::kind), "replay.kind");
  read(tensor_of(slot_, &Slot::step), "replay.step");
  for (int64_t lane = 0; lane < lanes_; ++lane) check_restored(lane);
  steps_ = std::count_if(slot_.begin(), slot_.end(),
                         [](const Slot& slot) { return slot.kind == kStep; });
  if (priority_) restore_priorities(saved, read);
}

void ReplayBuffer::restore_priorities(
    const TensorReader& saved,
    const std::function<void(const at::Tensor&, const std::string&)>& read) {
  std::vector<double> priorities(slot_.size());
  read(tensor_of(priorities), "replay.priority");
  const at::Tensor largest = at::from_blob(&max_priority_, {1}, at::kDouble);
  saved.read_into("replay.max_priority", largest);
  REVERIE_CHECK(std::isfinite(max_priority_) && max_priority_ >= 1.0,
                "replay: a largest priority of {}, expected at least 1: the file is damaged",
                max_priority_);
  for (size_t s = 0; s < priorities.size(); ++s) {
    if (slot_[s].kind != kStep) continue;
    REVERIE_CHECK(priorities[s] > 0.0 && priorities[s] <= max_priority_,
                  "replay: a priority of {} in slot {}, expected above 0 and at most {}: the file "
                  "is damaged",
                  priorities[s], s, max_priority_);
    priority_->set(static_cast<int64_t>(s), priorities[s]);
  }
}

// Checks everything that sampling relies on: which slots follow each other in one episode.
void ReplayBuffer::check_restored(int64_t lane) {
  const auto at_step = [&](int64_t number) { return stored(slot_of(lane, number)).step; };
  const int64_t first = oldest(lane);
  const int64_t last = newest(lane);
  for (int64_t number = first; number <= last; ++number) {
    const Kind found = kind(slot_of(lane, number));
    const bool before_end = number > first && is_end(slot_of(lane, number - 1));
    const bool follows = number == first ? at_step(number) >= 0
                         : before_end    ? at_step(number) == 0
                                         : at_step(number) == at_step(number - 1) + 1;
    const bool whole = std::min(frames_ - 1, at_step(number)) <= number - first;
    const bool right = number == last                  ? found == kPending
                       : found == kStep                ? whole
                       : is_end(slot_of(lane, number)) ? true
                                                       : found == kContext && !whole;
    REVERIE_CHECK(follows && right,
                  "replay: lane {}, observation {}: kind {} and step {} do not fit what lies "
                  "before: the file is damaged",
                  lane, number, static_cast<int>(found), at_step(number));
    if (is_end(slot_of(lane, number))) ends_[static_cast<size_t>(lane)].push_back(number);
  }
  for (int64_t number = last + 1; number < slots_; ++number) {
    REVERIE_CHECK(kind(slot_of(lane, number)) == kEmpty,
                  "replay: lane {} holds more than the {} observations it has seen: the file is "
                  "damaged",
                  lane, last + 1);
  }
}

}  // namespace reverie
