#include "datasets/dataset_numbers.h"

#include <cstring>

namespace reverie {
namespace {

template <typename T>
void convert(const std::vector<std::byte>& bytes, std::vector<double>& out) {
  out.resize(bytes.size() / sizeof(T));
  for (size_t i = 0; i < out.size(); ++i) {
    T value;
    std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
    out[i] = static_cast<double>(value);
  }
}

template <typename T>
void write_as(const FieldView& view, std::span<const double> row) {
  const std::span<T> out = view.as<T>();
  for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<T>(row[i % row.size()]);
}

}  // namespace

std::vector<double> numbers(const Field& field, const std::vector<std::byte>& bytes) {
  std::vector<double> values;
  switch (field.dtype) {
    case DType::kFloat32:
      convert<float>(bytes, values);
      break;
    case DType::kFloat64:
      convert<double>(bytes, values);
      break;
    case DType::kInt64:
      convert<int64_t>(bytes, values);
      break;
    default:
      convert<uint8_t>(bytes, values);
  }
  return values;
}

void write_numbers(const FieldView& view, std::span<const double> row) {
  switch (view.field->dtype) {
    case DType::kFloat32:
      write_as<float>(view, row);
      break;
    case DType::kFloat64:
      write_as<double>(view, row);
      break;
    case DType::kInt64:
      write_as<int64_t>(view, row);
      break;
    default:
      write_as<uint8_t>(view, row);
  }
}

}  // namespace reverie
