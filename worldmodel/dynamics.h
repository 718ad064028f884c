#pragma once

#include <cstdint>

#include <ATen/core/TensorBody.h>

namespace reverie {

// What a model knows of B worlds. The parts beyond z are a model's own.
struct LatentState {
  at::Tensor z;  // [B, D], or [B, K, D] for models that look at their last K latents
  at::Tensor h;  // [B, ...] memory beside it; undefined where there is none

  int64_t size() const { return z.size(0); }

  // The newest latent of each, [B, D].
  at::Tensor latest() const;

  // Every row `times` times, one after the other: [B * times, ...]. Shares no memory.
  LatentState repeat(int64_t times) const;
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

// The latents of B worlds along given actions, without looking: [B, T + 1, D], that of the start
// first. actions: [B, T, A] as predict() takes them, T >= 1. Records no gradients.
at::Tensor imagine(Dynamics& dynamics, const LatentState& start, const at::Tensor& actions);

}  // namespace reverie
