#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/spec.h"

namespace reverie {

// Converts values of fields of any dtype to doubles, and back.

// Reads out.size() elements of `dtype` from `bytes`.
void read_numbers(DType dtype, const std::byte* bytes, std::span<double> out);

// The values of a column, row after row. Throws Error that names the field when the column ends in
// the middle of a row.
std::vector<double> numbers(const Field& field, std::span<const std::byte> column);

// The values of row `row` of a column. Throws Error that names the field, the row and the number of
// rows unless 0 <= row < rows.
std::vector<double> row_numbers(const Field& field, std::span<const std::byte> column, int64_t row);

// Writes `row` into every row of the view, converted to the field's dtype. Throws Error that names
// the field unless `row` has field->numel() values and the dtype can hold them: integers must be
// whole and in range, and finite values must fit into float32's range for float32.
void write_numbers(const FieldView& view, std::span<const double> row);

}  // namespace reverie
