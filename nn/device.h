#pragma once

#include <string_view>

#include <c10/core/Device.h>

namespace reverie {

// "cpu", or "cuda" for the first GPU. LibTorch's CUDA library is loaded only on request, so that
// the program starts fast and runs without it. Throws Error(kInput) for another name, when there is
// no usable GPU, and when the CPU-only wheels are installed (it says how to get the others).
at::Device open_device(std::string_view name);

// Sets the number of threads per tensor operation. A run's results are repeatable for a fixed
// number.
void set_compute_threads(int threads);

}  // namespace reverie
