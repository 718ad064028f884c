#pragma once

#include <cstdint>

#include <ATen/core/TensorBody.h>

namespace reverie {

// [...] int64 in [0, count) to [..., count] float32, 1 where the choice is. A choice outside
// becomes zeros: unlike at::one_hot() it looks at no value, so that nothing waits for the device.
at::Tensor one_hot_code(const at::Tensor& choices, int64_t count);

}  // namespace reverie
