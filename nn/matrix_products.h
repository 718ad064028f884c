#pragma once

#include <ATen/core/TensorBody.h>

namespace reverie {

// LibTorch multiplies float32 matrices by MKL. MKL uses only half of the vector width of processors
// that have AVX-512 and are not Intel's. oneDNN, LibTorch's library of convolutions, uses all of it
// and takes half of the time.
//
// On such a processor, this function replaces the kernels of mm, addmm, bmm and baddbmm for the
// whole process: oneDNN computes what is_onednn_faster() says, MKL everything else. Operations that
// write into a given tensor (mm_out, addmm_) stay in MKL. On other processors nothing changes. The
// order of additions differs, so results differ in their last bits. open_device() calls it.
void choose_matrix_products();

// Whether the product of a [M, K] and b [K, N] runs in oneDNN once the kernels are replaced:
// float32, more than a million multiplications, and b without gaps between its rows or columns, for
// which oneDNN has no fast kernel. Always false on processors where nothing is replaced.
bool is_onednn_faster(const at::Tensor& a, const at::Tensor& b);

}  // namespace reverie
