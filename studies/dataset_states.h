#pragma once

#include <cstdint>
#include <string>

#include <ATen/core/TensorBody.h>

#include "nn/tensor_map.h"
#include "runs/load_policy.h"

namespace reverie {

// States of a dataset with what was done there, as learners see them.
struct DatasetStates {
  std::string dataset;
  TensorMap obs;      // [N, ...]
  at::Tensor action;  // [N, A], or [N] int64
};

// Draws states of a dataset. path: "" = the dataset that the run learnt from. Throws Error(kInput)
// as load_transitions() does, and without a dataset.
DatasetStates draw_dataset_states(const LoadedPolicy& loaded, const std::string& path,
                                  int64_t count, uint64_t seed);

}  // namespace reverie
