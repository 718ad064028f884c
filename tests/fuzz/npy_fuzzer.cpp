// NumPy's .npy arrays: the input is one array, as stored uncompressed in a .npz file.

#include <algorithm>
#include <cstdlib>

#include "core/error.h"
#include "datasets/formats/npy.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto file = std::as_bytes(std::span(data, size));
  try {
    const reverie::NpyHeader header =
        reverie::parse_npy_header("input", file.first(std::min(size, reverie::kMaxNpyHeaderBytes)));
    const auto values = file.subspan(header.offset);
    reverie::decode_npy_values("input", header, {values.begin(), values.end()});
  } catch (const reverie::Error& error) {
    if (error.kind() != reverie::ErrorKind::kInput) std::abort();
  }
  return 0;
}
