#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "core/spec.h"

namespace reverie {

// For layouts whose floats are float32: a field as stored, and its rows. float64 is rounded into
// `scratch`, which the result then refers to; other dtypes are unchanged.
inline Field narrowed(Field field) {
  if (field.dtype == DType::kFloat64) field.dtype = DType::kFloat32;
  return field;
}

inline std::span<const std::byte> narrow(const Field& source, std::span<const std::byte> rows,
                                         std::vector<float>& scratch) {
  if (source.dtype != DType::kFloat64) return rows;
  const std::span doubles(reinterpret_cast<const double*>(rows.data()),
                          rows.size() / sizeof(double));
  scratch.assign(doubles.begin(), doubles.end());
  return std::as_bytes(std::span(scratch));
}

}  // namespace reverie
