#include "nn/tensor_map.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

namespace reverie {

c10::ScalarType scalar_type(DType dtype) {
  switch (dtype) {
    case DType::kBool:
      return at::kBool;
    case DType::kUInt8:
      return at::kByte;
    case DType::kInt64:
      return at::kLong;
    case DType::kFloat32:
      return at::kFloat;
    case DType::kFloat64:
      return at::kDouble;
  }
  fail_input("unknown dtype {}", static_cast<int>(dtype));
}

namespace {
std::vector<int64_t> batch_shape(const Field& field, int64_t count) {
  std::vector<int64_t> shape{count};
  shape.insert(shape.end(), field.shape.begin(), field.shape.end());
  return shape;
}
}  // namespace

at::Tensor borrow_tensor(const FieldView& view) {
  return at::from_blob(view.data, batch_shape(*view.field, view.count),
                       at::TensorOptions().dtype(scalar_type(view.field->dtype)));
}

at::Tensor copy_as_double(ConstFieldView view) {
  // Only read from; at::Tensor has no const version.
  auto* data = const_cast<std::byte*>(view.data);
  return borrow_tensor({view.field, data, view.count}).to(at::kDouble).clone();
}

TensorMap borrow_tensors(FieldViews views) {
  TensorMap map;
  for (const FieldView& view : views) map.add(view.field->name, borrow_tensor(view));
  return map;
}

ConstFieldView view_of(const Field& field, const at::Tensor& tensor) {
  REVERIE_CHECK(
      tensor.dim() >= 1 && tensor.sizes() == batch_shape(field, tensor.size(0)) &&
          tensor.scalar_type() == scalar_type(field.dtype) && tensor.is_contiguous() &&
          tensor.device().is_cpu(),
      "field '{}': found a tensor {} of {}, expected a contiguous CPU tensor [N, {}] of {}",
      field.name, tensor.sizes().vec(), c10::toString(tensor.scalar_type()),
      fmt::join(field.shape, ", "), dtype_name(field.dtype));
  return {&field, static_cast<const std::byte*>(tensor.const_data_ptr()), tensor.size(0)};
}

template <typename T>
at::Tensor copy_to_tensor(std::span<const T> values) {
  at::Tensor tensor =
      at::empty({static_cast<int64_t>(values.size())}, c10::CppTypeToScalarType<T>::value);
  std::copy(values.begin(), values.end(), tensor.mutable_data_ptr<T>());
  return tensor;
}
template at::Tensor copy_to_tensor<uint8_t>(std::span<const uint8_t>);
template at::Tensor copy_to_tensor<int64_t>(std::span<const int64_t>);
template at::Tensor copy_to_tensor<float>(std::span<const float>);
template at::Tensor copy_to_tensor<double>(std::span<const double>);

void restore_tensor(at::Tensor& target, std::string_view name, const TensorMap& saved) {
  const at::Tensor& found = saved.at(name);
  REVERIE_CHECK(found.sizes() == target.sizes() && found.scalar_type() == target.scalar_type(),
                "tensor '{}' is {} {}, expected {} {}", name, c10::toString(found.scalar_type()),
                found.sizes().vec(), c10::toString(target.scalar_type()), target.sizes().vec());
  target.copy_(found);
}

}  // namespace reverie
