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

// The dtype in a batch: float32 for float64, otherwise the same.
constexpr DType learnt_dtype(DType dtype) {
  return dtype == DType::kFloat64 ? DType::kFloat32 : dtype;
}

// Bytes of one frame of a field in a ring.
size_t stored_frame_bytes(const Field& field);

// An uninitialised tensor of that shape and dtype. Without a folder it is in memory (the system
// allocates pages when they are written). With a folder it is in a nameless file there, mapped into
// memory, which disappears with the tensor or the process. Its disk space is taken at once, so that
// writing never fails later. Throws Error(kRun) that names field and size when there is no memory,
// no such folder or not enough disk space.
at::Tensor reserve_rows(const std::string& name, const std::vector<int64_t>& shape, DType dtype,
                        const std::filesystem::path& folder);

// Asks the system for huge pages: draws are random accesses, and with small pages each of them
// would also miss the page table's cache. For memory that has not been written yet. The system may
// ignore it.
void use_huge_pages(void* memory, size_t bytes);

// One named field of a ring, one frame per slot, as learners see it: float64 is rounded to float32
// once, when written; other dtypes stay. Of a stack only the newest frame is stored.
struct Column {
  // Throws Error when the field is declared as a stack and its shape is not one.
  Column(const Field& of, int64_t slots, const std::filesystem::path& folder);

  std::byte* frame(int64_t slot) const { return begin + static_cast<size_t>(slot) * frame_bytes; }

  // Prefetches the memory of `count` frames, the first few cache lines of it.
  void prefetch(int64_t slot, int64_t count = 1) const {
    const std::byte* at = frame(slot);
    const size_t bytes = std::min<size_t>(static_cast<size_t>(count) * frame_bytes, 256);
    for (size_t line = 0; line < bytes; line += 64) __builtin_prefetch(at + line);
  }

  // Stores a frame given in the field's declared dtype, given_frame_bytes long.
  void write(int64_t slot, const std::byte* given);

  // Writes the frames of `count` consecutive slots to `out`. Returns its end.
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
