#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "core/spec.h"
#include "nn/tensor_reader.h"
#include "replay/batch.h"
#include "replay/storage.h"
#include "replay/sum_tree.h"

namespace reverie {

class StateList;

struct ReplayOptions {
  // Above this size [bytes] the observations and actions are stored in files in disk_folder.
  size_t memory_budget = std::numeric_limits<size_t>::max();
  std::filesystem::path disk_folder = {};

  // alpha: transitions are drawn with probability ~ priority^alpha, [0, 1]; 0 is uniform. Without a
  // value no priorities are kept.
  std::optional<double> priority_exponent = {};
};

// An episode, or the part of it that the ring still holds.
struct StoredEpisode {
  int64_t first = 0;   // the slot of its first step that can be drawn; slots of a lane wrap around
  int64_t length = 0;  // steps, >= 1
  bool ended = false;  // false: it goes on
  bool terminated = false;
  bool truncated = false;
};

// A columnar ring of transitions of N environments that are stepped together.
//
// Each environment has its own lane, a ring of slots in time order. The observation after slot i is
// the one in slot i + 1, so nothing is stored twice:
//
//   slot      0        1        2        3        4
//   obs      o0       o1       o2=final  o0'      o1'
//   action   a0       a1       -         a0'      (pending)
//   kind     step     step     end       step     pending
//
// A final observation gets a slot without an action (`end`), so both terminated and truncated
// episodes keep their true last observation. `capacity` counts slots over all lanes.
//
// An unrecorded final observation (of a dataset's episode) gets such a slot too. A transition to it
// repeats the observation before, with discount 0; no sequence contains it, and no goal is taken
// from it.
//
// Fields are stored as learners see them: float64 is rounded to float32 when added.
//
// For a field that is a stack of frames (Field::stacked), each frame is stored once and stacks are
// assembled when sampled. Steps whose older frames were overwritten are no longer sampled.
//
// Not thread-safe, except that several threads may sample while nothing is added and no priority
// changes.
class ReplayBuffer final : public SampleSource {
 public:
  // Reserves memory for `capacity` slots (the system allocates pages when they are written);
  // batches go to `device`. Throws Error when a lane would have fewer than 2 + K slots (K the
  // largest stack, 1 without) or when the budget is exceeded without a disk_folder, and Error(kRun)
  // when memory or disk space is not available.
  ReplayBuffer(const EnvSpec& spec, int64_t capacity, int64_t num_envs, at::Device device,
               const ReplayOptions& options = {});

  // The first observations of all lanes, [N, ...]. Throws Error when a stack does not consist of
  // one repeated frame, because it could not be rebuilt.
  void start(FieldViews obs);

  // The results of the actions taken at the last observations. actions: N rows. unseen: [N], 1
  // where an episode terminated and its final observation is unknown, so that step.final_obs is not
  // read; empty = all are known. Throws Error as start() does, and for an unseen final observation
  // of an episode that did not terminate, because there is nothing to bootstrap from.
  void add(ConstFieldView actions, const VectorStep& step, std::span<const uint8_t> unseen = {});

  // As in SampleSource. With `prioritized` the batch is drawn by strata of equal mass, and weight_i
  // = (size() P(i))^-beta divided by the largest in the batch.
  Batch sample(int64_t batch, const SampleSpec& spec, Rng& rng) const override;
  SequenceBatch sample_sequences(int64_t batch, const SampleSpec& spec, Rng& rng) const override;

  // Sets the priorities (for instance the magnitude of the TD error plus a small constant) of the
  // transitions named by Batch::index; overwritten ones are skipped. index: [B] int64, priority:
  // [B], finite and > 0. New transitions get the largest priority so far, initially 1. Throws
  // Error, and changes nothing, for other values and without priority_exponent.
  void update_priorities(const at::Tensor& index, const at::Tensor& priority);

  // The actions of all transitions that can be drawn, in the order of slots: [size(), A] or
  // [size()], a copy in the dtype and on the device of Batch::action.
  at::Tensor actions() const;

  // The observations that the episodes began with, those that are held, in the order of slots:
  // fields [n, ...] as in Batch::obs.
  TensorMap first_observations() const;

  int64_t size() const { return steps_; }  // transitions that can be drawn
  int64_t capacity() const { return slots_ * lanes_; }
  int64_t lanes() const { return lanes_; }
  size_t bytes_per_transition() const;  // of everything in a slot, including priorities
  bool on_disk() const { return on_disk_; }

  // Lane by lane, oldest first; episodes without a step that can be drawn are left out.
  std::vector<StoredEpisode> episodes() const;
  // The longest sequence that can be drawn [steps]; 0 = there is none.
  int64_t longest_episode() const;

  // Everything, as tensors "replay.*" in `out`. Large ones are handles to the buffer's own memory,
  // so write them before the buffer changes. A restored buffer samples the same transitions with
  // the same generator. Throws Error when sizes, fields or indices do not fit; the buffer is then
  // empty.
  void save(TensorMap& out) const;
  void restore(const TensorReader& saved);

  // Becomes a copy of `other`, but with the observations that `encode` makes of its own: fields [n,
  // ...] of some slots to the fields of this buffer, [n, ...] in their stored dtype. Both have the
  // same capacity, lanes and action. Throws Error(kInput) when they do not, for priorities and
  // stacks of frames, and for fields that do not fit; the buffer is then empty.
  void encode(const ReplayBuffer& other,
              const std::function<TensorMap(const TensorMap& obs)>& encode);

  // Lists both as a group of a checkpoint.
  void list_state(StateList& list, const std::string& group);

 private:
  // kContext: a step whose own stack of frames is no longer complete; its frame is part of later
  // ones. kUnseenEnd: an end whose observation is unknown; the slot holds the previous one.
  enum Kind : uint8_t {
    kEmpty = 0,
    kStep = 1,
    kEnd = 2,
    kPending = 3,
    kContext = 4,
    kUnseenEnd = 5
  };

  // The scalars of a slot, side by side: a draw reads all of them, from one cache line.
  struct Slot {
    int64_t step = 0;  // of the observation in its episode, from 0
    float reward = 0.0F;
    uint8_t terminated = 0, truncated = 0;
    uint8_t kind = kEmpty;
  };

  // On the stack for the usual batch sizes.
  using Slots = c10::SmallVector<int64_t, 512>;

  // A run of observations of one lane, numbered from the lane's first one: steps begin .. last - 1
  // can be drawn, `last` is the final observation or the pending one.
  struct Run {
    int64_t lane, begin, last;
    bool seen;  // the observation `last` is known

    // Steps between known observations, from which a sequence may be cut.
    int64_t seen_steps() const { return last - begin - (seen ? 0 : 1); }
  };

  const Slot& stored(int64_t slot) const { return slot_[static_cast<size_t>(slot)]; }
  Slot& stored(int64_t slot) { return slot_[static_cast<size_t>(slot)]; }
  int64_t slot_of(int64_t lane, int64_t number) const { return lane * slots_ + number % slots_; }
  int64_t newest(int64_t lane) const { return written_[static_cast<size_t>(lane)] - 1; }
  int64_t oldest(int64_t lane) const;
  int64_t number_of(int64_t slot) const;  // the inverse of slot_of
  int64_t slot_after(int64_t slot) const {
    return (slot + 1) % slots_ == 0 ? slot + 1 - slots_ : slot + 1;
  }
  int64_t slot_after(int64_t slot, int64_t steps) const;   // 0 <= steps < slots of a lane
  int64_t slot_before(int64_t slot, int64_t steps) const;  // likewise
  Kind kind(int64_t slot) const { return static_cast<Kind>(stored(slot).kind); }
  bool is_end(int64_t slot) const { return kind(slot) == kEnd || kind(slot) == kUnseenEnd; }
  int64_t filled() const;  // slots of the fullest lane
  template <typename Visit>
  void for_each_run(Visit visit) const;

  void clear();
  void set_kind(int64_t slot, Kind kind);
  void write_observation(int64_t lane, FieldViews views, int64_t row, int64_t step);
  void repeat_observation(int64_t lane, int64_t step);
  void open_slot(int64_t lane, int64_t step);
  void write_frame(Column& column, ConstFieldView row, int64_t slot, int64_t step);
  void forget_broken_stacks(int64_t lane);
  void check_views(FieldViews views) const;

  void prefetch(int64_t slot) const;
  void draw_uniform(std::span<int64_t> slots, Rng& rng) const;
  void draw_prioritized(std::span<int64_t> slots, std::span<float> weights, double beta,
                        Rng& rng) const;
  int64_t draw_window(int64_t length, Rng& rng) const;
  int64_t draw_window_by_count(int64_t length, Rng& rng) const;
  int64_t draw_future(int64_t slot, const FutureSpec& future, Rng& rng) const;
  void gather_futures(std::span<const int64_t> first, std::span<int64_t> drawn,
                      const FutureSpec& future, Batch& out, Rng& rng) const;
  void relabel(const SampleSpec& spec, std::span<const int64_t> first, std::span<int64_t> last,
               std::span<int64_t> goal, Batch& out, Rng& rng) const;
  void write_goals(const GoalSpec& goals, std::span<const int64_t> goal, Batch& out) const;
  void fill_steps(std::span<const int64_t> first, std::span<const int64_t> padding, int64_t steps,
                  SequenceBatch& out) const;
  void gather_next_actions(std::span<const int64_t> first, std::span<const int64_t> last,
                           Batch& out) const;
  void check_request(int64_t batch, const SampleSpec& spec) const;
  void check_sequences(const SampleSpec& spec) const;
  void check_goals(const GoalSpec& goals) const;
  static void check_future(const FutureSpec& future, const char* what);
  const Column& column(const std::string& name) const;
  template <typename Outcome>
  int64_t sum_rewards(int64_t slot, const SampleSpec& spec, const Outcome& outcome, float& reward,
                      float& discount) const;

  std::byte* copy_stack(const Column& column, int64_t slot, std::byte* out) const;
  std::byte* copy_run(const Column& column, int64_t slot, int64_t count, std::byte* out) const;
  at::Tensor gather(const Column& column, std::span<const int64_t> slots) const;
  at::Tensor gather_sequences(const Column& column, std::span<const int64_t> first,
                              std::span<const int64_t> padding, int64_t count,
                              int64_t stride = 1) const;
  at::Tensor batch_tensor(std::vector<int64_t> shape, c10::ScalarType type) const;
  at::Tensor batch_rows(const Column& column, std::vector<int64_t> shape) const;
  void to_device(std::initializer_list<at::Tensor*> tensors, TensorMap& fields) const;

  void encode_slots(const ReplayBuffer& other, std::span<const int64_t> slots,
                    const std::function<TensorMap(const TensorMap& obs)>& encode);
  void restore_checked(const TensorReader& saved);
  void restore_priorities(const TensorReader& saved,
                          const std::function<void(const at::Tensor&, const std::string&)>& read);
  void check_restored(int64_t lane);

  int64_t lanes_;
  int64_t slots_;  // a lane
  at::Device device_;
  bool on_disk_ = false;
  std::vector<Column> observation_;
  std::optional<Column> action_;
  int64_t frames_ = 1;                     // of the longest stack
  std::vector<Slot> slot_;                 // [lanes * slots]
  std::vector<int64_t> written_;           // [lanes] slots ever written
  std::vector<std::deque<int64_t>> ends_;  // [lanes] numbers of the `end` slots held, ascending
  int64_t steps_ = 0;                      // slots of the kind `step`

  std::optional<SumTree> priority_;  // [lanes * slots] priority^alpha, 0 where not a step
  double alpha_ = 0.0;
  double max_priority_ = 1.0;  // to the power of alpha
};

}  // namespace reverie
