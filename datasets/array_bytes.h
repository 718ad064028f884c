#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace reverie {

// Size in bytes of an array whose shape comes from a file; nullopt when a length is negative or the
// product reaches 2^63 (lengths of zero count as one in the product).
inline std::optional<int64_t> array_bytes(std::span<const int64_t> shape, size_t element_bytes) {
  auto bytes = static_cast<int64_t>(element_bytes);
  bool empty = false;
  for (const int64_t size : shape) {
    empty = empty || size == 0;
    if (size < 0 || __builtin_mul_overflow(bytes, std::max<int64_t>(size, 1), &bytes)) {
      return std::nullopt;
    }
  }
  return empty ? 0 : bytes;
}

}  // namespace reverie
