#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/spec.h"

namespace reverie {

// Arrays in NumPy's .npy format, versions 1.0 to 3.0. Files are treated as hostile: nothing is
// allocated before the header agrees with the number of bytes present. Only what a dataset of
// episodes needs is supported: row-major order, little-endian floats, bool and integers. Objects,
// which are Python pickles, are refused.
//
// Source: numpy.lib.format, "Format Version 1.0" to "3.0".

// What the header says about the values after it.
struct NpyHeader {
  // The dtype they are read as: float16 becomes float32, integers other than uint8 become int64.
  DType dtype = DType::kFloat32;
  std::vector<int64_t> shape;  // {} is a scalar
  size_t item_bytes = 0;       // of one element in the file
  bool is_unsigned = false;    // where dtype is int64
  size_t offset = 0;           // [bytes] of the header
  int64_t value_bytes = 0;     // [bytes] after it: item_bytes times the product of the shape
};

// Bytes that hold the header of any readable array.
constexpr size_t kMaxNpyHeaderBytes = size_t{64} << 10;

// `start`: the file's first kMaxNpyHeaderBytes, or all of it if shorter. Throws Error(kInput) that
// begins with `where` for unreadable arrays, and for a size that reaches 2^63. unread: if given, an
// array of another type (text, objects, records) or order is no error; `unread` gets the reason,
// and the header is empty.
NpyHeader parse_npy_header(const std::string& where, std::span<const std::byte> start,
                           std::string* unread = nullptr);

// The values as header.dtype, row-major. Throws Error(kInput) when `bytes` are not
// header.value_bytes, when a bool is not 0 or 1, and for a count beyond int64.
std::vector<std::byte> decode_npy_values(const std::string& where, const NpyHeader& header,
                                         std::vector<std::byte> bytes);

// A whole .npy file, version 1.0: rows of a field, with the shape [rows, field shape...].
std::vector<std::byte> npy_file(const Field& row, std::span<const std::byte> rows);

}  // namespace reverie
