// Fields of every dtype as doubles and back.

#include "core/field_numbers.h"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/errors.h"

namespace reverie {
namespace {

using test::input_error;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

Field field_of(DType dtype, std::vector<int64_t> shape = {2}) {
  return {.name = "x", .shape = std::move(shape), .dtype = dtype};
}

TEST(FieldNumbers, EveryTypeComesBack) {
  for (const DType dtype :
       {DType::kBool, DType::kUInt8, DType::kInt64, DType::kFloat32, DType::kFloat64}) {
    const Field field = field_of(dtype);
    std::vector<std::byte> column(3 * field.bytes());
    write_numbers({&field, column.data(), 3}, std::vector<double>{1.0, 0.0});
    EXPECT_THAT(numbers(field, column), ElementsAre(1, 0, 1, 0, 1, 0)) << dtype_name(dtype);
    write_numbers({&field, column.data() + field.bytes(), 1}, std::vector<double>{0.0, 1.0});
    EXPECT_THAT(row_numbers(field, column, 0), ElementsAre(1, 0));
    EXPECT_THAT(row_numbers(field, column, 1), ElementsAre(0, 1));
    EXPECT_THAT(row_numbers(field, column, 2), ElementsAre(1, 0));
  }
}

TEST(FieldNumbers, AScalarIsARowOfOne) {
  const Field field = field_of(DType::kFloat64, {});
  std::vector<std::byte> column(2 * field.bytes());
  write_numbers({&field, column.data(), 2}, std::vector<double>{-0.1});
  EXPECT_THAT(numbers(field, column), ElementsAre(-0.1, -0.1));
}

TEST(FieldNumbers, RowsThatAreShortLongOrEmptyAreRefused) {
  for (const DType dtype :
       {DType::kBool, DType::kUInt8, DType::kInt64, DType::kFloat32, DType::kFloat64}) {
    const Field field = field_of(dtype, {4});
    std::vector<std::byte> row(field.bytes(), std::byte{1});
    const std::vector<std::byte> before = row;
    for (const size_t size : {0, 1, 2, 5, 8}) {
      EXPECT_THAT(input_error([&] {
                    write_numbers({&field, row.data(), 1}, std::vector<double>(size));
                  }),
                  AllOf(HasSubstr("'x'"), HasSubstr(fmt::format("a row of {} numbers", size)),
                        HasSubstr("expected 4")));
    }
    EXPECT_EQ(row, before);
  }
}

TEST(FieldNumbers, ValuesThatATypeCannotHoldAreRefused) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  const auto refuses = [](DType dtype, double value) {
    const Field field = field_of(dtype, {1});
    std::vector<std::byte> row(field.bytes());
    const std::string message = input_error([&] {
      write_numbers({&field, row.data(), 1}, std::vector<double>{value});
    });
    EXPECT_THAT(message, HasSubstr(std::string(dtype_name(dtype)))) << value;
  };
  for (const double value : {-1.0, 256.0, 0.5, kNan}) refuses(DType::kUInt8, value);
  for (const double value : {-1.0, 2.0, 0.5, kNan}) refuses(DType::kBool, value);
  for (const double value : {0x1p63, -0x1p64, 0.5, kNan}) refuses(DType::kInt64, value);
  for (const double value : {1e39, -1e39}) refuses(DType::kFloat32, value);

  const Field field = field_of(DType::kFloat32, {3});
  std::vector<std::byte> row(field.bytes());
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  write_numbers({&field, row.data(), 1}, std::vector<double>{kNan, kInfinity, 0.1});
  const std::vector<double> back = numbers(field, row);
  EXPECT_TRUE(std::isnan(back[0]));
  EXPECT_EQ(back[1], kInfinity);
  EXPECT_EQ(back[2], static_cast<double>(0.1F));
}

TEST(FieldNumbers, ColumnsEndWithARow) {
  const Field field = field_of(DType::kFloat32);
  std::vector<std::byte> column(3 * field.bytes());
  EXPECT_THAT(input_error([&] { row_numbers(field, column, 3); }),
              AllOf(HasSubstr("'x'"), HasSubstr("row 3 of a column of 3")));
  EXPECT_THAT(input_error([&] { row_numbers(field, column, -1); }), HasSubstr("row -1"));
  column.pop_back();
  EXPECT_THAT(input_error([&] { numbers(field, column); }), HasSubstr("23 bytes"));
  EXPECT_THAT(input_error([&] { row_numbers(field, column, 0); }), HasSubstr("23 bytes"));
}

}  // namespace
}  // namespace reverie
