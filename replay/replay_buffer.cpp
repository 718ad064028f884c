#include "replay/replay_buffer.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "nn/pch.h"

namespace reverie {
namespace {

// A lane's slots besides the frames before a step: the step, an end and the pending slot.
constexpr int64_t kFewestSlots = 3;

}  // namespace

ReplayBuffer::ReplayBuffer(const EnvSpec& spec, int64_t capacity, int64_t num_envs,
                           at::Device device, const ReplayOptions& options)
    : lanes_(num_envs), slots_(num_envs > 0 ? capacity / num_envs : 0), device_(device) {
  for (const Field& field : spec.observation) frames_ = std::max(frames_, field.stacked);
  const int64_t fewest = kFewestSlots - 1 + frames_;
  REVERIE_CHECK(num_envs >= 1 && slots_ >= fewest,
                "replay: a capacity of {} for {} environments, expected at least {}", capacity,
                num_envs, fewest * std::max<int64_t>(num_envs, 1));
  const int64_t rows = lanes_ * slots_;
  const Field action = action_field(spec.action);
  double bytes = static_cast<double>(stored_frame_bytes(action));
  for (const Field& field : spec.observation) {
    bytes += static_cast<double>(stored_frame_bytes(field));
  }
  bytes *= static_cast<double>(rows);
  on_disk_ = bytes > static_cast<double>(options.memory_budget);
  REVERIE_CHECK(!on_disk_ || !options.disk_folder.empty(),
                "replay: {} transitions take {:.1f} MB, the budget is {:.1f} MB and there is no "
                "folder for the rest",
                rows, bytes / 1e6, static_cast<double>(options.memory_budget) / 1e6);
  const std::filesystem::path folder = on_disk_ ? options.disk_folder : std::filesystem::path();
  for (const Field& field : spec.observation) observation_.emplace_back(field, rows, folder);
  action_.emplace(action, rows, folder);
  const auto n = static_cast<size_t>(rows);
  slot_.reserve(n);
  use_huge_pages(slot_.data(), n * sizeof(Slot));
  slot_.resize(n);
  written_.resize(static_cast<size_t>(lanes_));
  ends_.resize(static_cast<size_t>(lanes_));
  if (options.priority_exponent) {
    alpha_ = *options.priority_exponent;
    REVERIE_CHECK(alpha_ >= 0.0 && alpha_ <= 1.0,
                  "replay: a priority exponent of {}, expected 0 to 1", alpha_);
    priority_.emplace(rows);
  }
}

size_t ReplayBuffer::bytes_per_transition() const {
  size_t bytes = action_->frame_bytes + sizeof(Slot);
  for (const Column& column : observation_) bytes += column.frame_bytes;
  return bytes + (priority_ ? 2 * sizeof(double) : 0);
}

int64_t ReplayBuffer::oldest(int64_t lane) const {
  return std::max<int64_t>(written_[static_cast<size_t>(lane)] - slots_, 0);
}

int64_t ReplayBuffer::number_of(int64_t slot) const {
  const int64_t last = newest(slot / slots_);
  const int64_t behind = (last % slots_ - slot % slots_ + slots_) % slots_;
  return last - behind;
}

int64_t ReplayBuffer::slot_after(int64_t slot, int64_t steps) const {
  return slot + steps - (slot % slots_ + steps >= slots_ ? slots_ : 0);
}

int64_t ReplayBuffer::slot_before(int64_t slot, int64_t steps) const {
  const int64_t place = slot % slots_;
  return slot - steps + (place < steps ? slots_ : 0);
}

int64_t ReplayBuffer::filled() const {
  return std::min(*std::max_element(written_.begin(), written_.end()), slots_);
}

void ReplayBuffer::set_kind(int64_t slot, Kind kind) {
  uint8_t& kept = stored(slot).kind;
  steps_ += (kind == kStep ? 1 : 0) - (kept == kStep ? 1 : 0);
  kept = kind;
  if (priority_) priority_->set(slot, kind == kStep ? max_priority_ : 0.0);
}

void ReplayBuffer::write_frame(Column& column, ConstFieldView row, int64_t slot, int64_t step) {
  const size_t bytes = column.given_frame_bytes;
  for (int64_t k = 1; step == 0 && k < column.frames; ++k) {
    REVERIE_CHECK(std::memcmp(row.data, row.data + static_cast<size_t>(k) * bytes, bytes) == 0,
                  "replay: '{}' is a stack of {} frames, but frame {} of an episode's first "
                  "observation is not a copy of frame 0",
                  column.field.name, column.frames, k);
  }
  column.write(slot, row.data + static_cast<size_t>(column.frames - 1) * bytes);
}

// Writes the next slot of a lane: an observation that no action has followed yet.
void ReplayBuffer::write_observation(int64_t lane, FieldViews views, int64_t row, int64_t step) {
  const int64_t slot = slot_of(lane, written_[static_cast<size_t>(lane)]);
  for (size_t f = 0; f < observation_.size(); ++f) {
    write_frame(observation_[f], views[f].row(row), slot, step);
  }
  open_slot(lane, step);
}

// Likewise with the observation written last.
void ReplayBuffer::repeat_observation(int64_t lane, int64_t step) {
  const int64_t from = slot_of(lane, newest(lane));
  const int64_t slot = slot_after(from);
  for (const Column& column : observation_) {
    std::memcpy(column.frame(slot), column.frame(from), column.frame_bytes);
  }
  open_slot(lane, step);
}

// Takes the next slot, which already holds the observation.
void ReplayBuffer::open_slot(int64_t lane, int64_t step) {
  const auto l = static_cast<size_t>(lane);
  const int64_t slot = slot_of(lane, written_[l]);
  // Values that no step has filled yet are zero, so that a saved buffer holds only what happened.
  std::memset(action_->frame(slot), 0, action_->frame_bytes);
  stored(slot) = {.step = step, .kind = stored(slot).kind};
  set_kind(slot, kPending);
  ++written_[l];
  if (!ends_[l].empty() && ends_[l].front() < oldest(lane)) ends_[l].pop_front();
  forget_broken_stacks(lane);
}

// A step can be drawn only while the min(K - 1, its number in the episode) slots before it are
// kept.
void ReplayBuffer::forget_broken_stacks(int64_t lane) {
  const int64_t first = oldest(lane);
  for (int64_t behind = 0; behind < frames_ - 1 && first > 0; ++behind) {
    const int64_t slot = slot_of(lane, first + behind);
    if (kind(slot) == kStep && stored(slot).step > behind) set_kind(slot, kContext);
  }
}

void ReplayBuffer::check_views(FieldViews views) const {
  REVERIE_CHECK(views.size() == observation_.size(), "replay: {} observation fields, expected {}",
                views.size(), observation_.size());
  for (size_t f = 0; f < views.size(); ++f) {
    const Field& field = observation_[f].field;
    REVERIE_CHECK(views[f].count == lanes_ && views[f].field->bytes() == field.bytes(),
                  "replay: {} rows of {} bytes of '{}', expected {} rows of {} bytes",
                  views[f].count, views[f].field->bytes(), field.name, lanes_, field.bytes());
  }
}

void ReplayBuffer::start(FieldViews obs) {
  check_views(obs);
  REVERIE_CHECK(filled() == 0, "replay: start() of a buffer that holds {} transitions", steps_);
  for (int64_t lane = 0; lane < lanes_; ++lane) write_observation(lane, obs, lane, 0);
}

void ReplayBuffer::add(ConstFieldView actions, const VectorStep& step,
                       std::span<const uint8_t> unseen) {
  REVERIE_CHECK(actions.count == lanes_ && step.reward.size() == static_cast<size_t>(lanes_),
                "replay: {} actions and {} rewards for {} environments", actions.count,
                step.reward.size(), lanes_);
  REVERIE_CHECK(actions.field->bytes() == action_->given_frame_bytes,
                "replay: actions of {} bytes, expected {}", actions.field->bytes(),
                action_->given_frame_bytes);
  check_views(step.obs);
  check_views(step.final_obs);
  REVERIE_CHECK(filled() > 0, "replay: add() before start()");
  REVERIE_CHECK(unseen.empty() || unseen.size() == static_cast<size_t>(lanes_),
                "replay: {} flags of unseen observations for {} environments", unseen.size(),
                lanes_);
  for (size_t l = 0; l < unseen.size(); ++l) {
    REVERIE_CHECK(unseen[l] == 0 || step.terminated[l] != 0,
                  "replay: lane {}: the final observation of an episode that did not terminate is "
                  "not known",
                  l);
  }
  for (int64_t lane = 0; lane < lanes_; ++lane) {
    const auto l = static_cast<size_t>(lane);
    const int64_t slot = slot_of(lane, newest(lane));
    action_->write(slot, actions.row(lane).data);
    stored(slot).reward = static_cast<float>(step.reward[l]);
    stored(slot).terminated = step.terminated[l];
    stored(slot).truncated = step.truncated[l];
    set_kind(slot, kStep);
    const int64_t next = stored(slot).step + 1;
    if (step.terminated[l] == 0 && step.truncated[l] == 0) {
      write_observation(lane, step.obs, lane, next);
      continue;
    }
    const bool seen = unseen.empty() || unseen[l] == 0;
    if (seen) {
      write_observation(lane, step.final_obs, lane, next);
    } else {
      repeat_observation(lane, next);
    }
    set_kind(slot_of(lane, newest(lane)), seen ? kEnd : kUnseenEnd);
    ends_[l].push_back(newest(lane));
    write_observation(lane, step.obs, lane, 0);
  }
}

template <typename Visit>
void ReplayBuffer::for_each_run(Visit visit) const {
  for (int64_t lane = 0; lane < lanes_; ++lane) {
    int64_t begin = oldest(lane);
    const auto run = [&](int64_t last) {
      while (begin < last && kind(slot_of(lane, begin)) != kStep) ++begin;
      if (begin < last) visit(Run{lane, begin, last, kind(slot_of(lane, last)) != kUnseenEnd});
      begin = last + 1;
    };
    for (const int64_t end : ends_[static_cast<size_t>(lane)]) run(end);
    run(newest(lane));
  }
}

std::vector<StoredEpisode> ReplayBuffer::episodes() const {
  std::vector<StoredEpisode> found;
  for_each_run([&](const Run& run) {
    const Slot& last = stored(slot_of(run.lane, run.last - 1));
    found.push_back({.first = slot_of(run.lane, run.begin),
                     .length = run.last - run.begin,
                     .ended = is_end(slot_of(run.lane, run.last)),
                     .terminated = last.terminated != 0,
                     .truncated = last.truncated != 0});
  });
  return found;
}

int64_t ReplayBuffer::longest_episode() const {
  int64_t longest = 0;
  for_each_run([&](const Run& run) { longest = std::max(longest, run.seen_steps()); });
  return longest;
}

int64_t ReplayBuffer::draw_window_by_count(int64_t length, Rng& rng) const {
  int64_t windows = 0;
  const auto places = [length](const Run& run) {
    return std::max<int64_t>(run.seen_steps() - length + 1, 0);
  };
  for_each_run([&](const Run& run) { windows += places(run); });
  REVERIE_CHECK(windows > 0,
                "replay: sequences of {} steps, but the longest stored episode has {} steps",
                length, longest_episode());
  int64_t left = rng.integers(0, windows);
  int64_t slot = -1;
  for_each_run([&](const Run& run) {
    const int64_t here = places(run);
    if (left >= 0 && left < here) slot = slot_of(run.lane, run.begin + left);
    left -= here;
  });
  return slot;
}

void ReplayBuffer::update_priorities(const at::Tensor& index, const at::Tensor& priority) {
  REVERIE_CHECK(priority_, "replay: no priorities are kept without a priority exponent");
  REVERIE_CHECK(index.dim() == 1 && index.sizes() == priority.sizes(),
                "replay: {} indices and {} priorities, expected as many", index.numel(),
                priority.numel());
  REVERIE_CHECK(index.scalar_type() == at::kLong, "replay: indices of {}, expected int64",
                c10::toString(index.scalar_type()));
  const at::Tensor slots = index.cpu().contiguous();
  const at::Tensor values = priority.detach().to(at::kCPU, at::kDouble).contiguous();
  const auto* slot = slots.const_data_ptr<int64_t>();
  const auto* value = values.const_data_ptr<double>();
  const auto n = static_cast<size_t>(slots.numel());
  for (size_t i = 0; i < n; ++i) {
    REVERIE_CHECK(slot[i] >= 0 && slot[i] < capacity(), "replay: index {}, expected 0 to {}",
                  slot[i], capacity() - 1);
    REVERIE_CHECK(std::isfinite(value[i]) && value[i] > 0.0,
                  "replay: a priority of {} at {}, expected a finite one above 0", value[i], i);
  }
  for (size_t i = 0; i < n; ++i) {
    if (kind(slot[i]) != kStep) continue;
    // Tiny priorities stay above 0, so that every stored transition can be drawn.
    const double mass = std::max(std::pow(value[i], alpha_), 1e-30);
    max_priority_ = std::max(max_priority_, mass);
    priority_->set(slot[i], mass);
  }
}

at::Tensor ReplayBuffer::actions() const {
  std::vector<int64_t> slots;
  for (int64_t slot = 0; slot < capacity(); ++slot) {
    if (kind(slot) == kStep) slots.push_back(slot);
  }
  return gather(*action_, slots).to(device_);
}

TensorMap ReplayBuffer::first_observations() const {
  std::vector<int64_t> slots;
  for (int64_t slot = 0; slot < capacity(); ++slot) {
    if (kind(slot) != kEmpty && stored(slot).step == 0) slots.push_back(slot);
  }
  TensorMap first;
  for (const Column& column : observation_) {
    first.add(column.field.name, gather(column, slots).to(device_));
  }
  return first;
}

}  // namespace reverie
