#pragma once

#include <ATen/core/TensorBody.h>

#include "worldmodel/goodness_of_fit.h"

namespace reverie {

// SIGReg with the test of Epps and Pulley as its definition reads, for readers and for tests: what
// SigReg (sigreg.h) computes with a few times the memory of its input, here takes it times the
// knots. z: [..., N, D] samples, directions: [D, M] of length 1. Returns a scalar; autograd
// differentiates it.
at::Tensor sigreg_reference(const at::Tensor& z, const at::Tensor& directions,
                            const EppsPulleyOptions& options);

}  // namespace reverie
