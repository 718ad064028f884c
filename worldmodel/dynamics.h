#pragma once

#include <cstdint>

#include <ATen/core/TensorBody.h>

namespace reverie {

// A model's state of B worlds. The parts other than z are specific to a model.
struct LatentState {
  at::Tensor z;  // [B, D], or [B, K, D] for models that look at their last K latents
  at::Tensor h;  // [B, ...] additional memory; undefined if there is none

  int64_t size() const { return z.size(0); }

  // The newest latent of each world, [B, D].
  at::Tensor latest() const;

  // Repeats every row `times` times, consecutively: [B * times, ...]. Shares no memory.
  LatentState repeat(int64_t times) const;
};

// Predicts what an action leads to: a learnt model, or a simulator.
class Dynamics {
 public:
  virtual ~Dynamics() = default;

  // One step of B worlds at once. action: [B, A] in the model's own units, or [B, A] int64 for
  // discrete actions.
  virtual LatentState predict(const LatentState& state, const at::Tensor& action) = 0;

  // Whether gradients flow from the result of predict() to the action.
  virtual bool differentiable() const = 0;
};

// Imagines the latents of B worlds under given actions, without observations: [B, T + 1, D],
// starting with that of the start. actions: [B, T, A] as predict() takes them, T >= 1. Records no
// gradients.
at::Tensor imagine(Dynamics& dynamics, const LatentState& start, const at::Tensor& actions);

}  // namespace reverie
