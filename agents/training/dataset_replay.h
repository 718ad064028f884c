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

// The part of a dataset to load.
struct DatasetSelection {
  std::vector<int64_t> episodes = {};  // indices, in loading order; empty = all
  // Names of observation and info fields, which become the observation of the batches; empty = all
  // observation fields, no info.
  std::vector<std::string> fields = {};
  // The environment's action space: actions are then mapped to [-1, 1] by ActionScale. Empty: they
  // are not changed.
  std::optional<ActionSpace> scale_actions = {};
};

// Loads episodes into a replay buffer of one lane, so that algorithms that learn from experience
// can sample a dataset in the same way (replay/batch.h). Like any buffer, it is stored in files if
// it is larger than options.memory_budget.
//
// An episode that the end of the recording cut counts as truncated. If the observation after the
// last action is unknown, the last step is left out, except when it terminated: then it stays as a
// transition with discount 0, so that nothing is bootstrapped from the missing observation, but no
// sequence and no goal includes that observation (replay/replay_buffer.h). `on_progress` gets the
// number of steps read so far.
//
// Throws Error(kInput) for unknown fields or episodes, a damaged dataset, and when no step is left;
// Error as ReplayBuffer's constructor does.
std::unique_ptr<ReplayBuffer> load_replay(Dataset& dataset, const DatasetSelection& selection,
                                          at::Device device, const ReplayOptions& options = {},
                                          const std::function<void(int64_t)>& on_progress = {});

}  // namespace reverie
