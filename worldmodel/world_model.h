#pragma once

#include <cstdint>

#include <ATen/core/TensorBody.h>

#include "nn/tensor_map.h"
#include "worldmodel/dynamics.h"

namespace reverie {

class ActionCode;

// A model of an environment: observations become latent states, and latent states follow each
// other. A model that can be planned in to goals is a GoalSpace too (worldmodel/goal_space.h), one
// that has learnt of rewards has Heads (worldmodel/heads.h).
class WorldModel : public Dynamics {
 public:
  // The state after the last of T observations. obs: [B, T, ...] fields as the environment declares
  // them, actions().block() steps apart; action: [B, T - 1, k, ...], what was done between them, as
  // the environment takes it. Throws Error(kInput) for fields of another shape.
  virtual LatentState encode(const TensorMap& obs, const at::Tensor& action) = 0;

  // How many observations encode() looks at; older ones change nothing.
  virtual int64_t history() const = 0;

  // The actions of one step.
  virtual const ActionCode& actions() const = 0;
};

}  // namespace reverie
