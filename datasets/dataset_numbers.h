#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "core/spec.h"

namespace reverie {

// The values of a field of any dtype as doubles, row after row.
std::vector<double> numbers(const Field& field, const std::vector<std::byte>& bytes);

// The inverse: writes the row into every row of the view, converted to the field's dtype. row:
// field->numel() values.
void write_numbers(const FieldView& view, std::span<const double> row);

}  // namespace reverie
