#include "core/spec.h"

#include <cmath>

#include <fmt/ranges.h>

namespace reverie {

size_t item_size(DType dtype) {
  switch (dtype) {
    case DType::kBool:
    case DType::kUInt8:
      return 1;
    case DType::kFloat32:
      return 4;
    case DType::kInt64:
    case DType::kFloat64:
      return 8;
  }
  fail_input("unknown dtype {}", static_cast<int>(dtype));
}

std::string_view dtype_name(DType dtype) {
  switch (dtype) {
    case DType::kBool:
      return "bool";
    case DType::kUInt8:
      return "uint8";
    case DType::kInt64:
      return "int64";
    case DType::kFloat32:
      return "float32";
    case DType::kFloat64:
      return "float64";
  }
  fail_input("unknown dtype {}", static_cast<int>(dtype));
}

int64_t Field::numel() const {
  int64_t n = 1;
  for (const int64_t size : shape) n *= size;
  return n;
}

size_t Field::bytes() const { return static_cast<size_t>(numel()) * item_size(dtype); }

Field action_field(const ActionSpace& space) {
  if (const auto* discrete = std::get_if<DiscreteSpace>(&space)) {
    return {.name = "action",
            .shape = {},
            .dtype = DType::kInt64,
            .low = {0.0F},
            .high = {static_cast<float>(discrete->n - 1)}};
  }
  return std::get<Field>(space);
}

const Field& EnvSpec::field(std::string_view name) const {
  std::vector<std::string> known;
  for (const Field& candidate : observation) {
    if (candidate.name == name) return candidate;
    known.push_back(candidate.name);
  }
  fail_unknown_name(fmt::format("observation field of {}", id), name, known);
}

namespace detail {
void fail_view(const Field& field, std::string_view asked) {
  fail_input("field '{}' holds {}, read as C++ type '{}'", field.name, dtype_name(field.dtype),
             asked);
}
}  // namespace detail

namespace {

template <typename T>
void check_finite(std::string_view who, std::span<const T> values) {
  for (size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) {
      fail_input("{}: action[{}] is {}, expected a finite number", who, i, values[i]);
    }
  }
}

}  // namespace

void check_action(std::string_view who, const ActionSpace& space, ConstFieldView action) {
  if (const auto* discrete = std::get_if<DiscreteSpace>(&space)) {
    if (action.field->dtype != DType::kInt64 || action.field->numel() != 1) {
      fail_input("{}: action is {} {}, expected one int64 in [0, {}]", who,
                 dtype_name(action.field->dtype), action.field->shape, discrete->n - 1);
    }
    for (const int64_t value : action.as<int64_t>()) {
      if (value < 0 || value >= discrete->n) {
        fail_input("{}: action is {}, expected one of 0 .. {}", who, value, discrete->n - 1);
      }
    }
    return;
  }
  const Field& box = std::get<Field>(space);
  if (action.field->dtype != box.dtype || action.field->numel() != box.numel()) {
    fail_input("{}: action is {} {}, expected {} {}", who, dtype_name(action.field->dtype),
               action.field->shape, dtype_name(box.dtype), box.shape);
  }
  if (box.dtype == DType::kFloat64) {
    check_finite(who, action.as<double>());
  } else if (box.dtype == DType::kFloat32) {
    check_finite(who, action.as<float>());
  }
}

}  // namespace reverie
