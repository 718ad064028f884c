#pragma once

#include <cstdint>
#include <vector>

#include "core/spec.h"
#include "replay/batch.h"

namespace reverie {

// A columnar ring of transitions of N environments that are stepped together.
//
// Every environment has a lane of its own, a ring of slots in the order of time, so that the
// observation after slot i is the one in slot i + 1 and nothing is stored twice:
//
//   slot      0        1        2        3        4
//   obs      o0       o1       o2=final  o0'      o1'
//   action   a0       a1       -         a0'      (pending)
//   kind     step     step     end       step     pending
//
// A final observation gets a slot without an action (`end`), so terminated and truncated episodes
// both bootstrap from what really came last. `capacity` counts slots over all lanes.
class ReplayBuffer final : public SampleSource {
 public:
  // Memory for `capacity` slots is reserved (the system hands out pages as they are written);
  // batches go to `device`. Throws Error when a lane would have fewer than 3 slots, or Error(kRun)
  // when the memory is not to be had.
  ReplayBuffer(const EnvSpec& spec, int64_t capacity, int64_t num_envs, at::Device device);

  // The first observations of all lanes, [N, ...].
  void start(FieldViews obs);

  // What came of the actions taken at the observations given last. actions: N rows.
  void add(ConstFieldView actions, const VectorStep& step);

  Batch sample(int64_t batch, const SampleSpec& spec, Rng& rng) const override;

  int64_t size() const { return steps_; }  // transitions that can be drawn
  int64_t capacity() const { return slots_ * lanes_; }
  size_t bytes_per_transition() const;

  // Everything, as tensors "replay.*" in `out`; restore() gives a buffer that samples the same
  // transitions for the same generator. Throws Error when sizes, fields or indices do not fit.
  void save(TensorMap& out) const;
  void restore(const TensorMap& saved);

 private:
  enum Kind : uint8_t { kEmpty = 0, kStep = 1, kEnd = 2, kPending = 3 };

  struct Column {
    Field field;
    at::Tensor data;  // [lanes * slots, ...] of the field's dtype
    size_t row_bytes = 0;
    std::byte* row(int64_t slot) const;
  };

  int64_t slot_after(int64_t slot) const;
  void advance(int64_t lane);
  void set_kind(int64_t slot, Kind kind);
  void write_observation(int64_t lane, FieldViews views, int64_t row);
  at::Tensor gather(const Column& column, const std::vector<int64_t>& slots) const;
  TensorMap gather_observations(const std::vector<int64_t>& slots) const;

  int64_t lanes_;
  int64_t slots_;  // a lane
  at::Device device_;
  std::vector<Column> observation_;
  Column action_;
  std::vector<float> reward_;        // [lanes * slots]
  std::vector<uint8_t> terminated_;  // [lanes * slots]
  std::vector<uint8_t> kind_;        // [lanes * slots]
  std::vector<int64_t> head_;        // [lanes] the pending slot, counted within the lane
  std::vector<int64_t> filled_;      // [lanes] slots ever written, at most slots_
  int64_t steps_ = 0;
};

}  // namespace reverie
