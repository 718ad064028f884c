#pragma once

#include <ATen/core/TensorBody.h>

#include "worldmodel/goodness_of_fit.h"

namespace reverie {

// SIGReg with the test of Epps and Pulley written as its definition, for readers and for tests. It
// computes the same as SigReg (sigreg.h), but needs memory of its input's size times the knots,
// where SigReg needs a few times the input's size. z: [..., N, D] samples, directions: [D, M] of
// length 1. Returns a scalar; autograd differentiates it.
at::Tensor sigreg_reference(const at::Tensor& z, const at::Tensor& directions,
                            const EppsPulleyOptions& options);

}  // namespace reverie
