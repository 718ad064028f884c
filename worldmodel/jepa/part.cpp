#include "worldmodel/jepa/part.h"

#include "nn/pch.h"

namespace reverie {

void Part::save(std::string_view prefix, TensorMap& out) const {
  parameters_.save(prefix, out);
  for (const auto& [name, buffer] : buffers_) {
    out.add(fmt::format("{}.{}", prefix, name), buffer.clone());
  }
}

void Part::load(std::string_view prefix, const TensorMap& saved) {
  parameters_.load(prefix, saved);
  for (auto& [name, buffer] : buffers_) {
    restore_tensor(buffer, fmt::format("{}.{}", prefix, name), saved);
  }
}

}  // namespace reverie
