#pragma once

#include <ATen/core/TensorBody.h>

#include "nn/tensor_map.h"

namespace reverie {

// Statistics of how latents fill their space, which show a collapse early. z: [B, F, D], F frames
// of B sequences.
//
//   effective_rank   exp of the entropy of the normalised singular values of all centred samples
//                    (Roy & Vetterli 2007): D where latents are isotropic, 1 on a line. Directions
//                    with a standard deviation below 0.01, where 1 is meant, do not count: latents
//                    that shrink to a point have noise in all directions
//   least_variance,
//   greatest_variance  of a dimension
//   straightness     mean cosine of consecutive steps z_t+1 - z_t, [-1, 1]; NaN below three frames
//
// Returns scalars on the device, without gradient.
TensorMap latent_statistics(const at::Tensor& z);

}  // namespace reverie
