#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ATen/core/TensorBody.h>

#include "nn/tensor_reader.h"

namespace reverie {

// Weights on disk in the safetensors format, which Python opens directly:
//
//   8 bytes   N, the header's length, little-endian
//   N bytes   JSON {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}, ...,
//             "__metadata__": {"key": "text", ...}}, padded with spaces
//   the rest  the tensors' values, row-major, little-endian; offsets count from here
//
// dtypes: F64 F32 F16 BF16 I64 I32 I16 I8 U8 BOOL. The format's other types (unsigned integers
// beyond U8, complex, 8 bits and below) are refused.
// Source: huggingface/safetensors README.md "Format"; differs: refuses other keys in a tensor's
// entry than the three above, BOOL bytes other than 0 and 1, and more than 64 dimensions.

// Tensors in the order of the header, which is not alphabetical.
using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

struct SafetensorsFile {
  std::string path;
  NamedTensors tensors;  // on the CPU, contiguous, without gradient
  std::map<std::string, std::string> metadata;

  // The tensor of that name. Throws Error(kInput) naming the file and the known ones.
  const at::Tensor& tensor(std::string_view name) const;
};

// Writes the tensors (any device, any strides) to `path`, completely or not at all: a temporary
// file in the same folder is synced and renamed over it. The same arguments give the same bytes.
// The header keeps the given order. The values are ordered by decreasing element size, so that each
// tensor is aligned to its element when the file is mapped. A tensor that is not contiguous is
// copied piece by piece. Throws Error(kInput) for a tensor that is undefined, not dense or of
// another dtype, for names that repeat, are "__metadata__" or are not UTF-8, and for a path that is
// a folder, pipe or device; Error(kRun) when the disk fails.
void save_safetensors(const std::string& path, const NamedTensors& tensors,
                      const std::map<std::string, std::string>& metadata = {});

// A file from an untrusted source, open for reading. Its header is read and checked; its tensors
// are read on demand. Everything is checked before memory is allocated for it: the header is at
// most 100 MB of UTF-8 JSON without repeated keys, and the offsets cover the data once, without gap
// or overlap, each as long as its shape and dtype say. So the allocated memory never exceeds the
// file's size. Throws Error(kInput) that names the file, the tensor, what was found and what was
// expected.
class SafetensorsReader final : public TensorReader {
 public:
  explicit SafetensorsReader(const std::string& path);
  ~SafetensorsReader() override;

  const std::string& path() const;
  const std::map<std::string, std::string>& metadata() const;

  std::vector<std::string> names() const override;  // in the order of the header
  bool contains(std::string_view name) const override;
  std::vector<int64_t> shape(std::string_view name) const override;
  c10::ScalarType dtype(std::string_view name) const override;
  at::Tensor read(std::string_view name) const override;

 protected:
  void fill(std::string_view name, const at::Tensor& target) const override;

 private:
  struct File;
  std::unique_ptr<const File> file_;
};

// Reads all of it at once.
SafetensorsFile load_safetensors(const std::string& path);

// Throws Error(kInput) unless `found` has exactly the names of `expected`, in any order, each with
// the same shape and dtype. One message lists every missing, unexpected and different tensor; it
// opens with `where`, for example the checkpoint's path. Devices and values do not matter.
void check_tensors_match(std::string_view where, const NamedTensors& expected,
                         const NamedTensors& found);

}  // namespace reverie
