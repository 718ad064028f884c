#include "core/field_numbers.h"

#include <cmath>
#include <cstring>
#include <limits>

namespace reverie {
namespace {

// Calls use(T{}) with the type of the elements.
template <typename Use>
void with_type(DType dtype, const Use& use) {
  switch (dtype) {
    case DType::kBool:
    case DType::kUInt8:
      return use(uint8_t{});
    case DType::kInt64:
      return use(int64_t{});
    case DType::kFloat32:
      return use(float{});
    case DType::kFloat64:
      return use(double{});
  }
}

int64_t row_count(const Field& field, std::span<const std::byte> column) {
  const size_t bytes = field.bytes();
  REVERIE_CHECK(bytes > 0 && column.size() % bytes == 0,
                "'{}': a column of {} bytes, expected whole rows of {}", field.name, column.size(),
                bytes);
  return static_cast<int64_t>(column.size() / bytes);
}

// Whether static_cast<T>(value) equals the value or, for floats, is the nearest one.
template <typename T>
bool can_hold(DType dtype, double value) {
  if constexpr (std::is_same_v<T, double>) return true;
  if constexpr (std::is_same_v<T, float>) {
    return !std::isfinite(value) ||
           std::abs(value) <= static_cast<double>(std::numeric_limits<float>::max());
  }
  if (value != std::floor(value)) return false;  // NaN too
  if (dtype == DType::kBool) return value == 0.0 || value == 1.0;
  if (dtype == DType::kUInt8) return value >= 0.0 && value <= 255.0;
  return value >= -0x1p63 && value < 0x1p63;
}

}  // namespace

void read_numbers(DType dtype, const std::byte* bytes, std::span<double> out) {
  with_type(dtype, [&]<typename T>(T) {
    for (size_t i = 0; i < out.size(); ++i) {
      T value;
      std::memcpy(&value, bytes + i * sizeof(T), sizeof(T));
      out[i] = static_cast<double>(value);
    }
  });
}

std::vector<double> numbers(const Field& field, std::span<const std::byte> column) {
  const int64_t rows = row_count(field, column);
  std::vector<double> values(static_cast<size_t>(rows * field.numel()));
  read_numbers(field.dtype, column.data(), values);
  return values;
}

std::vector<double> row_numbers(const Field& field, std::span<const std::byte> column,
                                int64_t row) {
  const int64_t rows = row_count(field, column);
  REVERIE_CHECK(row >= 0 && row < rows, "'{}': row {} of a column of {} rows", field.name, row,
                rows);
  return numbers(field, column.subspan(static_cast<size_t>(row) * field.bytes(), field.bytes()));
}

void write_numbers(const FieldView& view, std::span<const double> row) {
  const Field& field = *view.field;
  const auto size = static_cast<size_t>(field.numel());
  REVERIE_CHECK(row.size() == size, "'{}': a row of {} numbers, expected {}", field.name,
                row.size(), size);
  with_type(field.dtype, [&]<typename T>(T) {
    for (const double value : row) {
      REVERIE_CHECK(can_hold<T>(field.dtype, value), "'{}': {} is no {}", field.name, value,
                    dtype_name(field.dtype));
    }
    const std::span<T> out = view.as<T>();
    for (size_t first = 0; first < out.size(); first += size) {
      for (size_t i = 0; i < size; ++i) out[first + i] = static_cast<T>(row[i]);
    }
  });
}

}  // namespace reverie
