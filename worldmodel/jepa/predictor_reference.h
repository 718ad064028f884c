#pragma once

#include <ATen/core/TensorBody.h>

#include "worldmodel/jepa/predictor.h"

namespace reverie {

// The predictor as its definition reads, for readers and for tests: every block over the whole
// history, attention as a masked softmax, no keys that are kept between steps, nothing left out
// for frames that nobody reads, nothing fused, no dropout.
//
//   m = modulation(silu(action))                                     six vectors: shift, scale,
//   gate x <- x + m_3 attention(norm(standardise(x) (1 + m_2) + m_1)) x <- x + m_6
//   perceptron(norm(standardise(x) (1 + m_5) + m_4))
//
// Shapes as Predictor::operator(): z [B, T, D], actions [B, T, C], T <= frames. Returns [B, T, D].
at::Tensor predictor_reference(const Predictor& predictor, const at::Tensor& z,
                               const at::Tensor& actions);

}  // namespace reverie
