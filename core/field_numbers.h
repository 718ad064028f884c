#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/spec.h"

namespace reverie {

// The values of fields of any dtype as doubles, and back.

// out: as many values as are read from `bytes`, elements of `dtype`.
void read_numbers(DType dtype, const std::byte* bytes, std::span<double> out);

// The values of a column, row after row. Throws Error that names the field when the column ends
// within a row.
std::vector<double> numbers(const Field& field, std::span<const std::byte> column);

// Those of row `row` of a column alone. Throws Error that names the field, the row and how many
// there are, unless 0 <= row < rows.
std::vector<double> row_numbers(const Field& field, std::span<const std::byte> column, int64_t row);

// Writes `row` into every row of the view, converted to the field's dtype. Throws Error that names
// the field unless `row` has field->numel() values and the dtype can hold them: whole numbers in
// range for integers, nothing finite beyond float32's range for float32.
void write_numbers(const FieldView& view, std::span<const double> row);

}  // namespace reverie
