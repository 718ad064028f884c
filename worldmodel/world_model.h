#pragma once

#include <cstdint>

#include <ATen/core/TensorBody.h>

#include "nn/tensor_map.h"
#include "worldmodel/dynamics.h"

namespace reverie {

class ActionCode;

// A model of an environment: it encodes observations as latent states and predicts the next latent
// states. A model that can plan to goals is also a GoalSpace (worldmodel/goal_space.h); one that
// has learnt rewards has Heads (worldmodel/heads.h).
class WorldModel : public Dynamics {
 public:
  // The state after the last of T observations. obs: [B, T, ...] fields as the environment declares
  // them, actions().block() steps apart; action: [B, T - 1, k, ...], the actions between them, as
  // the environment takes them. Throws Error(kInput) for fields of another shape.
  virtual LatentState encode(const TensorMap& obs, const at::Tensor& action) = 0;

  // The number of observations that encode() uses; older ones have no effect.
  virtual int64_t history() const = 0;

  // The actions of one model step.
  virtual const ActionCode& actions() const = 0;
};

}  // namespace reverie
