#pragma once

#include <cstdint>
#include <optional>

#include <ATen/core/TensorBody.h>

#include "nn/tensor_map.h"

namespace reverie {

// What a model knows of B worlds. The parts beyond z are a model's own.
struct LatentState {
  at::Tensor z;  // [B, D], or [B, K, D] for models that look at their last K latents
  at::Tensor h;  // [B, ...] memory beside it; undefined where there is none

  int64_t size() const { return z.size(0); }

  // Every row `times` times, one after the other: [B * times, ...]. Shares no memory.
  LatentState repeat(int64_t times) const;

  // The rows that index [N] int64 names.
  LatentState select(const at::Tensor& index) const;
};

// Something that says what an action leads to: a learnt model, or a simulator.
class Dynamics {
 public:
  virtual ~Dynamics() = default;

  // One step of B worlds at once. action: [B, A] in the model's own units, or [B, A] int64 for
  // discrete actions.
  virtual LatentState predict(const LatentState& state, const at::Tensor& action) = 0;

  // Whether gradients flow from what predict() returns to the action.
  virtual bool differentiable() const = 0;
};

// A learnt model of an environment: observations become latent states, and latent states follow
// each other.
class WorldModel : public Dynamics {
 public:
  // The state after the last of T observations. obs: [B, T, ...] fields as the environment declares
  // them, model steps apart; action: [B, T - 1, A], what was done between them.
  virtual LatentState encode(const TensorMap& obs, const at::Tensor& action) = 0;

  bool differentiable() const override { return true; }
};

}  // namespace reverie
