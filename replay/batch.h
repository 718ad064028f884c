#pragma once

#include <cstdint>

#include <ATen/core/TensorBody.h>

#include "core/random.h"
#include "nn/tensor_map.h"

namespace reverie {

// What a learner wants sampled.
struct SampleSpec {
  int64_t n_step = 1;   // rewards summed before the bootstrap, >= 1
  double gamma = 0.99;  // discount per environment step, [0, 1]
};

// B transitions. Floating-point fields arrive as float32 on the learner's device, whatever dtype
// the environment declares; uint8 stays uint8.
struct Batch {
  TensorMap obs, next_obs;  // [B, ...]
  at::Tensor action;        // [B, A] float32, or [B] int64
  at::Tensor reward;        // [B] float32: sum over k < m of gamma^k r_k, m <= n_step
  at::Tensor discount;      // [B] float32: gamma^m, 0 where the episode terminated
  at::Tensor index;         // [B] int64: where the transition is stored
};

// Anything that transitions can be drawn from: the replay buffer, later a dataset.
class SampleSource {
 public:
  virtual ~SampleSource() = default;

  // Draws `batch` transitions uniformly with replacement. Throws Error when none is stored.
  virtual Batch sample(int64_t batch, const SampleSpec& spec, Rng& rng) const = 0;
};

}  // namespace reverie
