#pragma once

#include <cstdint>

#include <ATen/core/TensorBody.h>

#include "nn/noise_source.h"

namespace reverie {

// Every picture of a batch moved by whole pixels; what comes in from outside repeats its edge:
//
//   out[b, y, x] = in[b, clip(y + down_b, 0, H - 1), clip(x + right_b, 0, W - 1)]
//
// pictures: [B, H, W, C] or stacks [B, K, H, W, C], of any type, which the result keeps; the frames
// of a stack move together. offsets: [B, 2] int64 on the same device, (down, right) of each
// picture, in [0, 2 limit] and meaning [-limit, limit]: limit itself leaves a picture where it is.
at::Tensor shifted(const at::Tensor& pictures, const at::Tensor& offsets, int64_t limit);

// Each picture moved by its own draw, uniform over the (2 limit + 1)^2 moves of up to `limit`
// pixels.
//
// Source: Kostrikov et al. 2020, "Image augmentation is all you need" (DrQ), arXiv:2004.13649,
// section 3: padding by replication, then a random crop. The bilinear sampling of DrQ-v2's code, on
// a grid that moves by whole pixels, gives the same pictures up to rounding.
at::Tensor randomly_shifted(const at::Tensor& pictures, int64_t limit, const NoiseSource& noise);

}  // namespace reverie
