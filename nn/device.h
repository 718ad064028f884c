#pragma once

#include <string_view>

#include <c10/core/Device.h>

namespace reverie {

// "cpu", or "cuda" for the first GPU. LibTorch's CUDA library is loaded only when asked for, so
// that the program starts fast and runs where there is none. Throws Error(kInput) for another name,
// and when there is no usable GPU or the CPU-only wheels are installed (it says how to get the
// others).
at::Device open_device(std::string_view name);

// Threads of one tensor operation. The results of a run are repeatable for a fixed number.
void set_compute_threads(int threads);

}  // namespace reverie
