#include "runs/observation_rows.h"

#include "nn/pch.h"

namespace reverie {

void ObservationRows::add(FieldViews obs) {
  for (const auto& [name, row] : borrow_tensors(adapter_.observations(obs))) {
    rows_[name].push_back(row.clone());
  }
}

TensorMap ObservationRows::joined() const {
  TensorMap obs;
  for (const auto& [name, values] : rows_) obs.add(name, at::cat(values));
  return obs;
}

}  // namespace reverie
