#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <vector>

#include <ATen/core/TensorBody.h>

#include "core/spec.h"

namespace reverie {

// What a batch holds a dtype as: float32 for float64, all else as it is.
constexpr DType learnt_dtype(DType dtype) {
  return dtype == DType::kFloat64 ? DType::kFloat32 : dtype;
}

// Bytes of one frame of a field in a ring.
size_t stored_frame_bytes(const Field& field);

// A tensor of that shape and dtype, uninitialised. Without a folder it lies in memory (the system
// hands out pages as they are written). With one it lies in a file there that has no name, is
// mapped into memory and goes when the tensor does or the process dies; its disk space is taken at
// once, so that writing never fails later. Throws Error(kRun) that names field and size when there
// is no memory, no such folder or not enough disk.
at::Tensor reserve_rows(const std::string& name, const std::vector<int64_t>& shape, DType dtype,
                        const std::filesystem::path& folder);

// Asks the system for huge pages: draws are random accesses, and with small pages each of them
// would also miss the table of pages. For memory that has not been written yet; a wish, no more.
void use_huge_pages(void* memory, size_t bytes);

// One named field of a ring, a frame a slot, as learners see it: float64 is rounded to float32 when
// it is written, once, all else stays. Where the field is a stack only the newest frame is stored.
struct Column {
  // Throws Error when the field says that it is a stack and its shape does not.
  Column(const Field& of, int64_t slots, const std::filesystem::path& folder);

  std::byte* frame(int64_t slot) const { return begin + static_cast<size_t>(slot) * frame_bytes; }

  // Asks for the memory of `count` frames ahead of its use, the first few cache lines of it.
  void prefetch(int64_t slot, int64_t count = 1) const {
    const std::byte* at = frame(slot);
    const size_t bytes = std::min<size_t>(static_cast<size_t>(count) * frame_bytes, 256);
    for (size_t line = 0; line < bytes; line += 64) __builtin_prefetch(at + line);
  }

  // Stores a frame that is given as the field declares it, given_frame_bytes long.
  void write(int64_t slot, const std::byte* given);

  // Writes the frames of `count` slots in a row to `out`. Returns its end.
  std::byte* copy_out(int64_t slot, int64_t count, std::byte* out) const {
    const size_t bytes = static_cast<size_t>(count) * frame_bytes;
    std::memcpy(out, frame(slot), bytes);
    return out + bytes;
  }

  Field field;          // as the environment declares it
  DType stored;         // what a slot and a batch hold
  int64_t frames;       // of a stack; 1 = none
  int64_t frame_numel;  // field.numel() / frames
  size_t frame_bytes;   // stored
  size_t given_frame_bytes;
  at::Tensor data;   // [slots, ...]
  std::byte* begin;  // of data
};

}  // namespace reverie
