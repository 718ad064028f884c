#include "nn/tensor_reader.h"

#include <fmt/ranges.h>

#include "nn/pch.h"

namespace reverie {

void TensorReader::read_into(std::string_view name, const at::Tensor& target) const {
  const std::vector<int64_t> found = shape(name);
  REVERIE_CHECK(found == target.sizes().vec() && dtype(name) == target.scalar_type(),
                "tensor '{}' is {} [{}], expected {} [{}]", name, c10::toString(dtype(name)),
                fmt::join(found, ", "), c10::toString(target.scalar_type()),
                fmt::join(target.sizes(), ", "));
  const at::NoGradGuard no_grad;
  fill(name, target);
}

std::vector<std::string> MapReader::names() const {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : tensors_) names.push_back(name);
  return names;
}

std::vector<int64_t> MapReader::shape(std::string_view name) const {
  return tensors_.at(name).sizes().vec();
}

c10::ScalarType MapReader::dtype(std::string_view name) const {
  return tensors_.at(name).scalar_type();
}

at::Tensor MapReader::read(std::string_view name) const {
  return tensors_.at(name).detach().cpu().clone(at::MemoryFormat::Contiguous);
}

void MapReader::fill(std::string_view name, const at::Tensor& target) const {
  target.detach().copy_(tensors_.at(name));
}

}  // namespace reverie
