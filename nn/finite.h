#pragma once

#include <string>

#include "nn/tensor_map.h"

namespace reverie {

// The name of the first tensor that holds a value that is not finite, "" where all are finite.
std::string find_not_finite(const TensorMap& tensors);

}  // namespace reverie
