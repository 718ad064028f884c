// Drawing from a replay buffer.

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/field_numbers.h"
#include "nn/pch.h"
#include "replay/replay_buffer.h"

namespace reverie {
namespace {

// Rejected draws in a row before places are counted instead of guessed.
constexpr int kMaxRefusals = 64;

std::byte* bytes_of(const at::Tensor& tensor) {
  return static_cast<std::byte*>(tensor.mutable_data_ptr());
}

FutureSpec future_of(const GoalSpec& goals) {
  return {.strategy = goals.strategy,
          .random_share = goals.random_share,
          .geometric_gamma = goals.geometric_gamma};
}

}  // namespace

at::Tensor ReplayBuffer::batch_tensor(std::vector<int64_t> shape, c10::ScalarType type) const {
  // Only copies from pinned memory to the GPU run in parallel with the CPU.
  return at::empty(shape, at::TensorOptions(type).pinned_memory(device_.is_cuda()));
}

at::Tensor ReplayBuffer::batch_rows(const Column& column, std::vector<int64_t> shape) const {
  shape.insert(shape.end(), column.field.shape.begin(), column.field.shape.end());
  return batch_tensor(std::move(shape), scalar_type(column.stored));
}

void ReplayBuffer::to_device(std::initializer_list<at::Tensor*> tensors, TensorMap& fields) const {
  if (device_.is_cpu()) return;
  const auto move = [&](at::Tensor& tensor) {
    if (tensor.defined()) tensor = tensor.to(device_, /*non_blocking=*/true);
  };
  for (at::Tensor* tensor : tensors) move(*tensor);
  for (auto& [name, tensor] : fields) move(tensor);
}

std::byte* ReplayBuffer::copy_stack(const Column& column, int64_t slot, std::byte* out) const {
  if (column.frames == 1) return column.copy_out(slot, 1, out);
  const int64_t since_start = stored(slot).step;
  for (int64_t k = column.frames - 1; k >= 0; --k) {
    out = column.copy_out(slot_before(slot, std::min(k, since_start)), 1, out);
  }
  return out;
}

std::byte* ReplayBuffer::copy_run(const Column& column, int64_t slot, int64_t count,
                                  std::byte* out) const {
  if (column.frames > 1) {
    for (int64_t i = 0; i < count; ++i, slot = slot_after(slot)) {
      out = copy_stack(column, slot, out);
    }
    return out;
  }
  const int64_t until_wrap = std::min(count, slots_ - slot % slots_);
  out = column.copy_out(slot, until_wrap, out);
  return until_wrap == count ? out : column.copy_out(slot - slot % slots_, count - until_wrap, out);
}

at::Tensor ReplayBuffer::gather(const Column& column, std::span<const int64_t> slots) const {
  at::Tensor rows = batch_rows(column, {static_cast<int64_t>(slots.size())});
  std::byte* out = bytes_of(rows);
  if (column.frames > 1) {
    for (const int64_t slot : slots) out = copy_stack(column, slot, out);
  } else {
    for (const int64_t slot : slots) out = column.copy_out(slot, 1, out);
  }
  return rows;
}

// Row b: padding[b] copies of first[b], then the slots from first[b] on, `count` in total; of
// these, the ones at 0, stride, 2 stride, ...
at::Tensor ReplayBuffer::gather_sequences(const Column& column, std::span<const int64_t> first,
                                          std::span<const int64_t> padding, int64_t count,
                                          int64_t stride) const {
  const auto batch = static_cast<int64_t>(first.size());
  at::Tensor rows = batch_rows(column, {batch, (count - 1) / stride + 1});
  std::byte* out = bytes_of(rows);
  for (size_t b = 0; b < first.size(); ++b) {
    if (stride > 1) {
      for (int64_t t = 0; t < count; t += stride) {
        const int64_t real = std::max<int64_t>(t - padding[b], 0);
        out = copy_stack(column, slot_after(first[b], real), out);
      }
      continue;
    }
    for (int64_t i = 0; i < padding[b]; ++i) out = copy_stack(column, first[b], out);
    out = copy_run(column, first[b], count - padding[b], out);
  }
  return rows;
}

void ReplayBuffer::draw_uniform(std::span<int64_t> slots, Rng& rng) const {
  // All lanes have written the same number of steps. So a slot drawn uniformly among the filled
  // ones, and redrawn until it holds a step, gives a uniform transition. Few slots are of another
  // kind.
  const int64_t n = filled();
  const auto draw = [&](int64_t& slot) {
    const int64_t number = rng.integers(0, lanes_ * n);
    slot = number / n * slots_ + number % n;
  };
  // All are prefetched first and then read: each one misses every cache, and the waits overlap.
  for (int64_t& slot : slots) {
    draw(slot);
    prefetch(slot);
  }
  for (int64_t& slot : slots) {
    while (kind(slot) != kStep) draw(slot);
  }
}

void ReplayBuffer::prefetch(int64_t slot) const {
  __builtin_prefetch(&stored(slot));
  action_->prefetch(slot);
  for (const Column& column : observation_) column.prefetch(slot, 2);
}

void ReplayBuffer::draw_prioritized(std::span<int64_t> slots, std::span<float> weights, double beta,
                                    Rng& rng) const {
  const double total = priority_->total();
  const auto n = static_cast<double>(slots.size());
  double smallest = total;
  for (size_t i = 0; i < slots.size(); ++i) {
    slots[i] = priority_->find((static_cast<double>(i) + rng.random()) / n * total);
    prefetch(slots[i]);
    smallest = std::min(smallest, priority_->at(slots[i]));
  }
  // (size P_i)^-beta divided by the largest: size and the sum of priorities cancel.
  for (size_t i = 0; i < slots.size(); ++i) {
    weights[i] = static_cast<float>(std::pow(smallest / priority_->at(slots[i]), beta));
  }
}

// Sums rewards of at most n_step steps from `slot` on, as outcome(slot) gives them, up to the first
// step without an outcome. Returns the slot of the observation to bootstrap from.
template <typename Outcome>
int64_t ReplayBuffer::sum_rewards(int64_t slot, const SampleSpec& spec, const Outcome& outcome,
                                  float& reward, float& discount) const {
  double sum = 0.0;
  double weight = 1.0;
  for (int64_t k = 0; k < spec.n_step && weight != 0.0 && kind(slot) == kStep; ++k) {
    const std::optional<GoalOutcome> step = outcome(slot);
    if (!step) break;
    sum += weight * step->reward;
    weight *= step->terminated ? 0.0 : spec.gamma;
    slot = slot_after(slot);
  }
  reward = static_cast<float>(sum);
  discount = static_cast<float>(weight);
  return slot;
}

const Column& ReplayBuffer::column(const std::string& name) const {
  std::vector<std::string> known;
  for (const Column& column : observation_) {
    if (column.field.name == name) return column;
    known.push_back(column.field.name);
  }
  fail_unknown_name("field", name, known);
}

void ReplayBuffer::check_goals(const GoalSpec& goals) const {
  const Field& achieved = column(goals.achieved).field;
  const Field& desired = column(goals.desired).field;
  REVERIE_CHECK(achieved.shape == desired.shape && achieved.dtype == desired.dtype &&
                    achieved.stacked == 1 && desired.stacked == 1,
                "replay: '{}' is {} [{}] and '{}' is {} [{}], expected two of one kind, not "
                "stacked",
                achieved.name, dtype_name(achieved.dtype), fmt::join(achieved.shape, ", "),
                desired.name, dtype_name(desired.dtype), fmt::join(desired.shape, ", "));
  REVERIE_CHECK(goals.outcome, "replay: goals are relabelled by a function of the outcome: none");
  REVERIE_CHECK(goals.ratio >= 0.0 && goals.ratio <= 1.0,
                "replay: a ratio of {} relabelled goals, expected 0 to 1", goals.ratio);
  check_future(future_of(goals), "goals");
}

void ReplayBuffer::check_future(const FutureSpec& future, const char* what) {
  REVERIE_CHECK(future.random_share >= 0.0 && future.random_share <= 1.0,
                "replay: a share of {} random {}, expected 0 to 1", future.random_share, what);
  REVERIE_CHECK(future.strategy != GoalStrategy::kGeometric ||
                    (future.geometric_gamma > 0.0 && future.geometric_gamma < 1.0),
                "replay: geometric {} with gamma {}, expected between 0 and 1", what,
                future.geometric_gamma);
}

// The slot of the observation that stands for the future of the step in `slot`; -1 when no known
// observation follows it.
int64_t ReplayBuffer::draw_future(int64_t slot, const FutureSpec& future, Rng& rng) const {
  const bool is_random = future.strategy == GoalStrategy::kRandom ||
                         (future.random_share > 0.0 && rng.random() < future.random_share);
  if (is_random) {
    const int64_t n = filled();
    int64_t drawn = 0;
    do {
      const int64_t draw = rng.integers(0, lanes_ * n);
      drawn = draw / n * slots_ + draw % n;
    } while (kind(drawn) == kEmpty || kind(drawn) == kUnseenEnd || kind(drawn) == kContext);
    return drawn;
  }
  const int64_t lane = slot / slots_;
  const int64_t number = number_of(slot);
  const std::deque<int64_t>& ends = ends_[static_cast<size_t>(lane)];
  const auto end = std::lower_bound(ends.begin(), ends.end(), number);
  int64_t last = end == ends.end() ? newest(lane) : *end;
  if (kind(slot_of(lane, last)) == kUnseenEnd) --last;
  if (last <= number) return -1;
  int64_t drawn = last;
  if (future.strategy == GoalStrategy::kFuture) drawn = rng.integers(number + 1, last + 1);
  if (future.strategy == GoalStrategy::kGeometric) {
    const double skipped = std::floor(std::log1p(-rng.random()) / std::log(future.geometric_gamma));
    if (skipped < static_cast<double>(last - number)) {
      drawn = number + 1 + static_cast<int64_t>(skipped);
      drawn = std::min(drawn, last);
    }
  }
  return slot_of(lane, drawn);
}

void ReplayBuffer::gather_futures(std::span<const int64_t> first, std::span<int64_t> drawn,
                                  const FutureSpec& future, Batch& out, Rng& rng) const {
  for (size_t i = 0; i < first.size(); ++i) {
    const int64_t later = draw_future(first[i], future, rng);
    drawn[i] = later >= 0 ? later : first[i];
  }
  for (const Column& column : observation_) {
    out.future_obs.add(column.field.name, gather(column, drawn));
  }
}

// Draws the goals, -1 where the recorded one stays, and sums the rewards for them.
void ReplayBuffer::relabel(const SampleSpec& spec, std::span<const int64_t> first,
                           std::span<int64_t> last, std::span<int64_t> goal, Batch& out,
                           Rng& rng) const {
  const GoalSpec& goals = *spec.goals;
  const Column& achieved = column(goals.achieved);
  const auto width = static_cast<size_t>(achieved.frame_numel);
  c10::SmallVector<double, 64> reached(width);
  c10::SmallVector<double, 64> desired(width);
  const auto read = [&](int64_t slot, c10::SmallVector<double, 64>& out_goal) {
    read_numbers(achieved.stored, achieved.frame(slot), {out_goal.data(), width});
  };
  auto* reward = out.reward.mutable_data_ptr<float>();
  auto* discount = out.discount.mutable_data_ptr<float>();
  for (size_t i = 0; i < first.size(); ++i) {
    goal[i] = -1;
    if (rng.random() >= goals.ratio) continue;
    // The goal that the step achieved is unknown, so the step stays as recorded.
    if (kind(slot_after(first[i])) == kUnseenEnd) continue;
    goal[i] = draw_future(first[i], future_of(goals), rng);
    if (goal[i] < 0) continue;
    read(goal[i], desired);
    const auto outcome = [&](int64_t slot) -> std::optional<GoalOutcome> {
      if (kind(slot_after(slot)) == kUnseenEnd) return std::nullopt;
      read(slot_after(slot), reached);
      return goals.outcome({reached.data(), width}, {desired.data(), width},
                           stored(slot).terminated != 0);
    };
    last[i] = sum_rewards(first[i], spec, outcome, reward[i], discount[i]);
  }
}

// Replaces the recorded goals by those drawn.
void ReplayBuffer::write_goals(const GoalSpec& goals, std::span<const int64_t> goal,
                               Batch& out) const {
  const Column& achieved = column(goals.achieved);
  for (const TensorMap* fields : {&out.obs, &out.next_obs}) {
    std::byte* rows = bytes_of(fields->at(goals.desired));
    for (size_t i = 0; i < goal.size(); ++i) {
      if (goal[i] >= 0) achieved.copy_out(goal[i], 1, rows + i * achieved.frame_bytes);
    }
  }
}

void ReplayBuffer::gather_next_actions(std::span<const int64_t> first,
                                       std::span<const int64_t> last, Batch& out) const {
  out.has_next_action = batch_tensor({static_cast<int64_t>(first.size())}, at::kFloat);
  auto* known = out.has_next_action.mutable_data_ptr<float>();
  Slots taken(first.size());
  for (size_t i = 0; i < first.size(); ++i) {
    const bool acted = kind(last[i]) == kStep || kind(last[i]) == kContext;
    known[i] = acted ? 1.0F : 0.0F;
    taken[i] = acted ? last[i] : first[i];
  }
  out.next_action = gather(*action_, taken);
}

void ReplayBuffer::check_request(int64_t batch, const SampleSpec& spec) const {
  REVERIE_CHECK(steps_ > 0, "replay: nothing is stored yet, cannot draw {} transitions", batch);
  REVERIE_CHECK(batch >= 1 && spec.n_step >= 1, "replay: batch {} and n_step {}, expected >= 1",
                batch, spec.n_step);
  REVERIE_CHECK(spec.gamma >= 0.0 && spec.gamma <= 1.0, "replay: gamma {}, expected 0 to 1",
                spec.gamma);
  REVERIE_CHECK(!spec.prioritized || priority_,
                "replay: no priorities are kept without a priority exponent");
  REVERIE_CHECK(!spec.prioritized || (spec.beta >= 0.0 && spec.beta <= 1.0),
                "replay: beta {}, expected 0 to 1", spec.beta);
  if (spec.goals) check_goals(*spec.goals);
  if (spec.future) check_future(*spec.future, "futures");
}

Batch ReplayBuffer::sample(int64_t batch, const SampleSpec& spec, Rng& rng) const {
  check_request(batch, spec);
  const auto b = static_cast<size_t>(batch);
  Batch out;
  out.reward = batch_tensor({batch}, at::kFloat);
  out.discount = batch_tensor({batch}, at::kFloat);
  out.index = batch_tensor({batch}, at::kLong);
  const std::span<int64_t> first(out.index.mutable_data_ptr<int64_t>(), b);
  if (spec.prioritized) {
    out.weight = batch_tensor({batch}, at::kFloat);
    draw_prioritized(first, {out.weight.mutable_data_ptr<float>(), b}, spec.beta, rng);
  } else {
    draw_uniform(first, rng);
  }
  auto* reward = out.reward.mutable_data_ptr<float>();
  auto* discount = out.discount.mutable_data_ptr<float>();
  Slots last(b);
  const auto recorded = [this](int64_t slot) {
    return std::optional(GoalOutcome{stored(slot).reward, stored(slot).terminated != 0});
  };
  for (size_t i = 0; i < b; ++i) {
    last[i] = sum_rewards(first[i], spec, recorded, reward[i], discount[i]);
  }
  Slots goal(spec.goals ? b : 0);
  if (spec.goals) relabel(spec, first, last, goal, out, rng);
  for (const Column& column : observation_) {
    out.obs.add(column.field.name, gather(column, first));
    out.next_obs.add(column.field.name, gather(column, last));
  }
  out.action = gather(*action_, first);
  if (spec.goals) write_goals(*spec.goals, goal, out);
  if (spec.next_action) gather_next_actions(first, last, out);
  if (spec.future) gather_futures(first, last, *spec.future, out, rng);  // last is read no more
  to_device({&out.action, &out.reward, &out.discount, &out.index, &out.weight, &out.next_action,
             &out.has_next_action},
            out.obs);
  to_device({}, out.next_obs);
  to_device({}, out.future_obs);
  return out;
}

// The first of `length` consecutive steps of one episode whose observations are all known, uniform
// over all such places.
int64_t ReplayBuffer::draw_window(int64_t length, Rng& rng) const {
  for (int refused = 0; length < slots_ && refused < kMaxRefusals; ++refused) {
    int64_t slot = 0;
    draw_uniform({&slot, 1}, rng);
    const int64_t lane = slot / slots_;
    const int64_t last = number_of(slot) + length - 1;
    if (last >= newest(lane)) continue;
    const int64_t end = slot_of(lane, last);
    // Steps are counted from 0 in each episode, so no episode border lies between two slots whose
    // difference of counts equals their distance.
    const int64_t gone = stored(end).step - stored(slot).step;
    const bool in_episode = kind(end) == kStep && gone == length - 1;
    if (in_episode && kind(slot_after(end)) != kUnseenEnd) return slot;
  }
  return draw_window_by_count(length, rng);
}

void ReplayBuffer::check_sequences(const SampleSpec& spec) const {
  REVERIE_CHECK(!spec.prioritized && !spec.goals,
                "replay: sequences are drawn uniformly and with the goals that were recorded");
  REVERIE_CHECK(spec.length >= 1 && spec.burn_in >= 0 && spec.burn_in <= slots_,
                "replay: sequences of {} steps after a burn-in of {}, expected >= 1 and 0 to {}",
                spec.length, spec.burn_in, slots_);
  const int64_t stride = spec.observation_stride;
  REVERIE_CHECK(stride >= 1 && spec.length % stride == 0 && spec.burn_in % stride == 0,
                "replay: an observation stride of {} for sequences of {} steps after a burn-in of "
                "{}, expected a divisor of both, >= 1",
                stride, spec.length, spec.burn_in);
}

SequenceBatch ReplayBuffer::sample_sequences(int64_t batch, const SampleSpec& spec,
                                             Rng& rng) const {
  check_request(batch, spec);
  check_sequences(spec);
  const auto b = static_cast<size_t>(batch);
  // Before the batch is allocated: the first draw finds out whether such a place exists.
  Slots first(b);
  Slots padding(b);
  for (size_t i = 0; i < b; ++i) {
    const int64_t slot = draw_window(spec.length, rng);
    const int64_t since_start = std::min(spec.burn_in, stored(slot).step);
    int64_t before = 0;
    while (before < since_start && kind(slot_before(slot, before + 1)) == kStep) ++before;
    first[i] = slot_before(slot, before);
    padding[i] = spec.burn_in - before;
  }
  const int64_t steps = spec.burn_in + spec.length;
  SequenceBatch out;
  for (const Column& column : observation_) {
    out.obs.add(column.field.name,
                gather_sequences(column, first, padding, steps + 1, spec.observation_stride));
  }
  out.action = gather_sequences(*action_, first, padding, steps);
  fill_steps(first, padding, steps, out);
  to_device({&out.action, &out.reward, &out.terminated, &out.truncated, &out.valid}, out.obs);
  return out;
}

// The scalars of each step, and zero actions for padding.
void ReplayBuffer::fill_steps(std::span<const int64_t> first, std::span<const int64_t> padding,
                              int64_t steps, SequenceBatch& out) const {
  const auto batch = static_cast<int64_t>(first.size());
  out.reward = batch_tensor({batch, steps}, at::kFloat);
  out.terminated = batch_tensor({batch, steps}, at::kBool);
  out.truncated = batch_tensor({batch, steps}, at::kBool);
  out.valid = batch_tensor({batch, steps}, at::kBool);
  auto* reward = out.reward.mutable_data_ptr<float>();
  auto* terminated = out.terminated.mutable_data_ptr<bool>();
  auto* truncated = out.truncated.mutable_data_ptr<bool>();
  auto* valid = out.valid.mutable_data_ptr<bool>();
  const size_t action_bytes = action_->frame_bytes;
  std::byte* action = bytes_of(out.action);
  for (size_t b = 0; b < first.size(); ++b) {
    int64_t slot = first[b];
    std::memset(action, 0, static_cast<size_t>(padding[b]) * action_bytes);
    action += static_cast<size_t>(steps) * action_bytes;
    for (int64_t t = 0; t < steps; ++t) {
      const bool real = t >= padding[b];
      const Slot& step = stored(slot);
      *reward++ = real ? step.reward : 0.0F;
      *terminated++ = real && step.terminated != 0;
      *truncated++ = real && step.truncated != 0;
      *valid++ = real;
      if (real) slot = slot_after(slot);
    }
  }
}

}  // namespace reverie
