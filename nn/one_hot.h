#pragma once

#include <cstdint>

#include <ATen/core/TensorBody.h>

namespace reverie {

// [...] int64 in [0, count) to [..., count] float32 with 1 at the choice. A choice out of range
// gives zeros: unlike at::one_hot() this function reads no value, so nothing waits for the device.
at::Tensor one_hot_code(const at::Tensor& choices, int64_t count);

}  // namespace reverie
