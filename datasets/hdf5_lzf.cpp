#include <cstdlib>

#include <lzf.h>

#include "datasets/hdf5_library.h"

namespace reverie::hdf5 {
namespace {

constexpr size_t kMostPacking = 256;  // greatest ratio of LZF: 3 bytes stand for at most 264

// Unpacks a chunk, called by the library. Only a whole chunk is returned, because the library
// copies that many bytes out of it without a check. Chunks that LZF cannot make smaller are stored
// unpacked and do not come here. 0 means failure.
size_t unpack_chunk(unsigned flags, size_t count, const unsigned parameters[], size_t stored,
                    size_t* buffer_size, void** buffer) {
  if ((flags & H5Z_FLAG_REVERSE) == 0 || count <= kLzfChunkBytesAt) return 0;
  const size_t expected = parameters[kLzfChunkBytesAt];
  if (expected == 0 || expected / kMostPacking > stored) return 0;
  void* const out = std::malloc(expected);
  if (out == nullptr) return 0;
  if (lzf_decompress(*buffer, static_cast<unsigned>(stored), out,
                     static_cast<unsigned>(expected)) != expected) {
    std::free(out);
    return 0;
  }
  std::free(*buffer);
  *buffer = out;
  *buffer_size = expected;
  return expected;
}

}  // namespace

void register_lzf() {
  const H5Z_class2_t filter{.version = H5Z_CLASS_T_VERS,
                            .id = kLzfFilter,
                            .encoder_present = 0,
                            .decoder_present = 1,
                            .name = "lzf",
                            .can_apply = nullptr,
                            .set_local = nullptr,
                            .filter = &unpack_chunk};
  H5Zregister(&filter);
}

}  // namespace reverie::hdf5
