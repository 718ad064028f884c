#include <algorithm>
#include <cstdlib>

#include <blosc.h>

#include "datasets/hdf5_library.h"

namespace reverie::hdf5 {
namespace {

// Unpacks a chunk, called by the library. The sizes in it are compared with the chunk's size and
// with the stored size before memory is allocated, and only a whole chunk is returned, because the
// library copies that many bytes out of it without a check. 0 means failure.
size_t unpack_chunk(unsigned flags, size_t count, const unsigned parameters[], size_t stored,
                    size_t* buffer_size, void** buffer) {
  if ((flags & H5Z_FLAG_REVERSE) == 0 || count <= kBloscChunkBytesAt) return 0;
  const size_t expected = parameters[kBloscChunkBytesAt];
  size_t unpacked = 0;
  if (blosc_cbuffer_validate(*buffer, stored, &unpacked) < 0 || unpacked != expected) return 0;
  void* const out = std::malloc(std::max<size_t>(expected, 1));
  if (out == nullptr) return 0;
  if (blosc_decompress_ctx(*buffer, out, expected, 1) != static_cast<int>(expected)) {
    std::free(out);
    return 0;
  }
  std::free(*buffer);
  *buffer = out;
  *buffer_size = expected;
  return expected;
}

}  // namespace

void register_blosc() {
  const H5Z_class2_t filter{.version = H5Z_CLASS_T_VERS,
                            .id = kBloscFilter,
                            .encoder_present = 0,
                            .decoder_present = 1,
                            .name = "blosc",
                            .can_apply = nullptr,
                            .set_local = nullptr,
                            .filter = &unpack_chunk};
  H5Zregister(&filter);
}

}  // namespace reverie::hdf5
