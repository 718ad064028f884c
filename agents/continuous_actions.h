#pragma once

#include <cstdint>

#include <ATen/core/TensorBody.h>

#include "core/random.h"
#include "core/spec.h"

namespace reverie {

// The number of action dimensions, for agents of continuous actions. spec: a SpaceAdapter's. Throws
// Error(kInput) for discrete actions and for a Box that is not a vector.
int64_t continuous_action_size(const EnvSpec& spec);

// Standard normal draws of the shape of `like`, float32 on the CPU.
at::Tensor normal_like(const at::Tensor& like, Rng& rng);

// The generator that seeds the noise of an agent's updates: NumPy's default_rng([seed, stream]),
// whatever the initialisation of its weights has drawn. Streams >= 1 are independent.
Rng update_rng(uint64_t seed, uint64_t stream = 1);

}  // namespace reverie
