#pragma once

#include <ATen/core/TensorBody.h>

#include "replay/batch.h"

namespace reverie {

// What a critic reads: [B, D] and [B, A] to [B, D + A].
at::Tensor with_action(const at::Tensor& s, const at::Tensor& a);

// The mean of the transitions' losses, [B], each times its importance weight if the batch has any;
// of E critics, [E, B], the sum of their means. Returns a scalar.
at::Tensor weighted_mean(const at::Tensor& losses, const Batch& batch);

}  // namespace reverie
