#pragma once

#include <map>
#include <string>
#include <vector>

#include <ATen/core/TensorBody.h>

#include "agents/space_adapter.h"
#include "nn/tensor_map.h"

namespace reverie {

// Observations of single environments, collected as learners see them.
class ObservationRows {
 public:
  // spec: as the environment declares it.
  explicit ObservationRows(const EnvSpec& spec) : adapter_(spec, 1) {}

  // One row of each field.
  void add(FieldViews obs);

  // [N, ...] of the rows so far, at least one.
  TensorMap joined() const;

 private:
  SpaceAdapter adapter_;
  std::map<std::string, std::vector<at::Tensor>> rows_;  // of each field
};

}  // namespace reverie
