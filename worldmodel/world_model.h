#pragma once

#include <cstdint>

#include <ATen/core/TensorBody.h>

#include "nn/tensor_map.h"

namespace reverie {

class ActionCode;

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

// A model of an environment in which goals can be planned for: observations become latent states,
// and latent states follow each other.
class WorldModel : public Dynamics {
 public:
  // The state after the last of T observations. obs: [B, T, ...] fields as the environment declares
  // them, actions().block() steps apart; action: [B, T - 1, k, ...], what was done between them, as
  // the environment takes it. Throws Error(kInput) for fields of another shape.
  virtual LatentState encode(const TensorMap& obs, const at::Tensor& action) = 0;

  // How many observations encode() looks at; older ones change nothing.
  virtual int64_t history() const = 0;

  // Goals as distance() takes them, from the fields "goal_..." of an observation, [B, ...].
  virtual LatentState encode_goal(const TensorMap& obs) = 0;

  // How far states are from their goals, [B]: what planning makes small.
  virtual at::Tensor distance(const LatentState& state, const LatentState& goal) const = 0;

  // The actions of one step.
  virtual const ActionCode& actions() const = 0;
};

// The latents of B worlds along given actions, without looking: [B, T + 1, D], that of the start
// first. actions: [B, T, A] as predict() takes them, T >= 1. Records no gradients.
at::Tensor imagine(Dynamics& dynamics, const LatentState& start, const at::Tensor& actions);

}  // namespace reverie
