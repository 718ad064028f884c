#pragma once

namespace reverie {

// Makes large products of float32 matrices on the CPU run in the faster of LibTorch's two
// libraries, for the whole process. LibTorch multiplies by MKL, which uses half of the vector width
// of processors that are not Intel's and have AVX-512; there, oneDNN, LibTorch's library of
// convolutions, takes half of the time. On other processors nothing changes. Only the order in
// which numbers are added differs. The first call counts; open_device() makes it.
void choose_matrix_products();

}  // namespace reverie
