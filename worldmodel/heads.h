#pragma once

#include <ATen/core/TensorBody.h>

#include "worldmodel/dynamics.h"

namespace reverie {

// Says what a state is worth, by what a model has learnt of rewards. B rows each.
class Heads {
 public:
  virtual ~Heads() = default;

  // The reward that is expected of a step, [B]. A model reads the state before or the one after, as
  // it has learnt. action: [B, A] as Dynamics::predict() takes it.
  virtual at::Tensor reward(const LatentState& state, const at::Tensor& action,
                            const LatentState& next) = 0;

  // The discounted return that is expected from a state on, [B].
  virtual at::Tensor value(const LatentState& state) = 0;

  // The probability that the episode has ended with the step that led to a state, [B] in [0, 1].
  // Undefined: episodes do not end.
  virtual at::Tensor termination(const LatentState& /*state*/) { return {}; }
};

}  // namespace reverie
