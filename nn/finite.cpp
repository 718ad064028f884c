#include "nn/finite.h"

#include "nn/pch.h"

namespace reverie {

std::string find_not_finite(const TensorMap& tensors) {
  for (const auto& [name, tensor] : tensors) {
    if (!at::isfinite(tensor).all().item<bool>()) return name;
  }
  return "";
}

}  // namespace reverie
