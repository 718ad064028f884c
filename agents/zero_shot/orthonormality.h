#pragma once

#include <ATen/core/TensorBody.h>

namespace reverie::zero_shot {

// Means over the entries x_ii, and over those x_ij with i != j, of matrices [K, B, B], summed over
// K: scalars.
at::Tensor diagonal_mean(const at::Tensor& x);
at::Tensor off_diagonal_mean(const at::Tensor& x);

// A loss that is least where the outputs e [B, d] of an encoder have the second moment 1:
//
//   mean over i != j of (e_i^T e_j)^2 - 2 mean over i of |e_i|^2
at::Tensor orthonormality_loss(const at::Tensor& e);

}  // namespace reverie::zero_shot
