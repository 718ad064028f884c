#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/TensorBody.h>

#include "core/action_scale.h"
#include "datasets/dataset.h"
#include "replay/replay_buffer.h"

namespace reverie {

// What of a dataset is wanted.
struct DatasetSelection {
  std::vector<int64_t> episodes = {};  // indices, in the order in which to load; empty = all
  // Names of observation and info fields, which become the observation of the batches; empty = all
  // observation fields, no info.
  std::vector<std::string> fields = {};
  // The environment's actions: those of the dataset then become what ActionScale makes of them,
  // [-1, 1]. Empty: they stay as they are.
  std::optional<ActionSpace> scale_actions = {};
};

// Loads episodes into a replay buffer of one lane, so that whatever learns from experience learns
// from a dataset by the same samplers (replay/batch.h). Larger than options.memory_budget it lies
// in files, as any buffer does.
//
// An episode that was cut by the end of the recording counts as truncated. Where the observation
// after the last action is not known, the last step is left out. If that step terminated, it stays
// as a transition, whose discount of 0 means that nothing is bootstrapped from what follows, but no
// sequence and no goal contains what was never seen (replay/replay_buffer.h). `on_progress` gets
// the number of steps that have been read.
//
// Throws Error(kInput) for unknown fields or episodes, a dataset that is damaged, and when no step
// is left; Error as ReplayBuffer's constructor does.
std::unique_ptr<ReplayBuffer> load_replay(Dataset& dataset, const DatasetSelection& selection,
                                          at::Device device, const ReplayOptions& options = {},
                                          const std::function<void(int64_t)>& on_progress = {});

}  // namespace reverie
