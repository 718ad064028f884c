#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <ATen/core/TensorBody.h>

#include "nn/tensor_map.h"

namespace reverie {

// Named tensors to read: in memory (MapReader), or in a file, from which they are read on demand
// (SafetensorsReader).
class TensorReader {
 public:
  virtual ~TensorReader() = default;

  virtual std::vector<std::string> names() const = 0;
  virtual bool contains(std::string_view name) const = 0;

  // The four functions below throw Error(kInput) that names the known tensors when none has that
  // name.
  virtual std::vector<int64_t> shape(std::string_view name) const = 0;
  virtual c10::ScalarType dtype(std::string_view name) const = 0;

  // A new tensor on the CPU.
  virtual at::Tensor read(std::string_view name) const = 0;

  // Fills a tensor of the same shape and dtype, on any device and with any strides, piece by piece
  // when it is large. Throws Error(kInput) for another shape or dtype.
  void read_into(std::string_view name, const at::Tensor& target) const;

 protected:
  virtual void fill(std::string_view name, const at::Tensor& target) const = 0;
};

class MapReader final : public TensorReader {
 public:
  explicit MapReader(const TensorMap& tensors) : tensors_(tensors) {}  // keeps a reference

  std::vector<std::string> names() const override;
  bool contains(std::string_view name) const override { return tensors_.contains(name); }
  std::vector<int64_t> shape(std::string_view name) const override;
  c10::ScalarType dtype(std::string_view name) const override;
  at::Tensor read(std::string_view name) const override;

 protected:
  void fill(std::string_view name, const at::Tensor& target) const override;

 private:
  const TensorMap& tensors_;
};

}  // namespace reverie
