#pragma once

#include <ATen/core/TensorBody.h>

#include "worldmodel/jepa/predictor.h"

namespace reverie {

// The predictor written as its definition, for readers and for tests: every block runs over the
// whole history, attention is a masked softmax, no keys are kept between steps, no output is
// skipped, nothing is fused, and there is no dropout.
//
//   m = modulation(silu(action))                                     six vectors: shift, scale,
//   gate x <- x + m_3 attention(norm(standardise(x) (1 + m_2) + m_1)) x <- x + m_6
//   perceptron(norm(standardise(x) (1 + m_5) + m_4))
//
// Shapes as in Predictor::operator(): z [B, T, D], actions [B, T, C], T <= frames. Returns [B, T,
// D].
at::Tensor predictor_reference(const Predictor& predictor, const at::Tensor& z,
                               const at::Tensor& actions);

}  // namespace reverie
