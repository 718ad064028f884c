#pragma once

#include <ATen/core/TensorBody.h>

#include "worldmodel/dynamics.h"

namespace reverie {

// Predicts rewards and returns of states, learnt by a model. B rows each.
class Heads {
 public:
  virtual ~Heads() = default;

  // The expected reward of a step, [B]. A model uses the state before or after it, depending on its
  // training. action: [B, A] as Dynamics::predict() takes it.
  virtual at::Tensor reward(const LatentState& state, const at::Tensor& action,
                            const LatentState& next) = 0;

  // The expected discounted return from a state on, [B].
  virtual at::Tensor value(const LatentState& state) = 0;

  // The probability that the step that led to a state ended the episode, [B] in [0, 1]. Undefined:
  // episodes do not end.
  virtual at::Tensor termination(const LatentState& /*state*/) { return {}; }
};

}  // namespace reverie
