#pragma once

#include <ATen/core/TensorBody.h>

#include "nn/tensor_map.h"
#include "worldmodel/dynamics.h"

namespace reverie {

// Measures how far a state is from a goal.
class GoalSpace {
 public:
  virtual ~GoalSpace() = default;

  // Encodes goals for distance() from the fields "goal_..." of an observation, [B, ...].
  virtual LatentState encode_goal(const TensorMap& obs) = 0;

  // The distances of states from their goals, [B]; 0 at the goal, otherwise above.
  virtual at::Tensor distance(const LatentState& state, const LatentState& goal) const = 0;
};

}  // namespace reverie
