#pragma once

#include <cstdint>

#include <ATen/core/TensorBody.h>

#include "core/random.h"
#include "core/spec.h"

namespace reverie {

// A bounded continuous action space, and the map between it and [-1, 1] that networks work in.
class ActionBox {
 public:
  // Throws Error unless the action is a vector of float32 or float64 with finite bounds, low <
  // high.
  ActionBox(const EnvSpec& spec, at::Device device);

  int64_t size() const { return size_; }

  // unit: [N, A] float32 in [-1, 1] on the CPU. Returns the environment's actions, in its dtype, on
  // the CPU.
  at::Tensor from_unit(const at::Tensor& unit) const;

  // action: [B, A] in the environment's units on the device. Returns [B, A] in [-1, 1].
  at::Tensor to_unit(const at::Tensor& action) const;

 private:
  int64_t size_;
  c10::ScalarType dtype_;                   // of the environment's actions
  bool is_unit_;                            // the bounds are -1 and 1 already
  at::Tensor centre_, half_;                // [A] on the CPU
  at::Tensor device_centre_, device_half_;  // [A] on the device
};

// Standard normal draws of the shape of `like`, float32 on the CPU.
at::Tensor normal_like(const at::Tensor& like, Rng& rng);

// N actions drawn uniformly from the space, in shape and dtype of its field, on the CPU. Throws
// Error for a Box without finite bounds.
at::Tensor uniform_actions(const ActionSpace& space, int64_t count, Rng& rng);

}  // namespace reverie
