#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <vector>

#include <ATen/core/TensorBody.h>

#include "core/spec.h"

namespace reverie {

// A tensor [rows, ...frame] of the field's dtype, uninitialised. Without a folder it lies in memory
// (the system hands out pages as they are written). With one it lies in a file there that has no
// name, is mapped into memory and goes when the tensor does or the process dies; its disk space is
// taken at once, so that writing never fails later. Throws Error(kRun) that names field and size
// when there is no memory, no such folder or not enough disk.
at::Tensor reserve_rows(const std::string& name, const std::vector<int64_t>& shape, DType dtype,
                        const std::filesystem::path& folder);

// One named field of a ring, a frame a slot. Where the field is a stack only the newest frame is
// stored.
struct Column {
  // Throws Error when the field says that it is a stack and its shape does not.
  Column(const Field& of, int64_t slots, const std::filesystem::path& folder);

  std::byte* frame(int64_t slot) const {
    return static_cast<std::byte*>(data.data_ptr()) + static_cast<size_t>(slot) * frame_bytes;
  }

  // As a batch holds it: float64 becomes float32, all else stays.
  c10::ScalarType batch_type() const;
  size_t batch_frame_bytes() const;

  // Writes the frames of `count` slots in a row to `out`, in the batch's type. Returns its end.
  std::byte* copy_out(int64_t slot, int64_t count, std::byte* out) const;

  Field field;
  int64_t frames;       // of a stack; 1 = none
  int64_t frame_numel;  // field.numel() / frames
  size_t frame_bytes;
  at::Tensor data;  // [slots, ...]
};

}  // namespace reverie
