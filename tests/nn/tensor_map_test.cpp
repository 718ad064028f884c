#include "nn/tensor_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nn/pch.h"
#include "tests/errors.h"

namespace reverie {
namespace {

using test::input_error;
using testing::AllOf;
using testing::HasSubstr;

const Field kMatrix{.name = "image", .shape = {2, 3}, .dtype = DType::kUInt8};
const Field kScalar{.name = "action", .shape = {}, .dtype = DType::kInt64};

TEST(TensorMap, FindsByNameAndNamesTheNearest) {
  const TensorMap map{{"observation", at::ones({2})}, {"desired_goal", at::zeros({3})}};
  EXPECT_EQ(map.at("desired_goal").numel(), 3);
  EXPECT_TRUE(map.contains("observation"));
  EXPECT_FALSE(map.contains("Observation"));
  EXPECT_THAT(input_error([&] { map.at("desired_gaol"); }),
              HasSubstr("did you mean 'desired_goal'?"));
}

TEST(TensorMap, BorrowedTensorsShareMemoryBothWays) {
  std::vector<uint8_t> bytes{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  std::vector<double> numbers{0.5, 1.5};
  const Field scalar{.name = "height", .shape = {}, .dtype = DType::kFloat64};
  const std::vector<FieldView> views{{&kMatrix, reinterpret_cast<std::byte*>(bytes.data()), 2},
                                     {&scalar, reinterpret_cast<std::byte*>(numbers.data()), 2}};
  const TensorMap map = borrow_tensors(views);
  ASSERT_EQ(map.size(), 2U);
  EXPECT_EQ(map.at("image").sizes(), (std::vector<int64_t>{2, 2, 3}));
  EXPECT_EQ(map.at("image").scalar_type(), at::kByte);
  EXPECT_EQ(map.at("image")[1][0][2].item<int>(), 9);
  EXPECT_EQ(map.at("height").sizes(), (std::vector<int64_t>{2}));
  EXPECT_EQ(map.at("height")[1].item<double>(), 1.5);
  bytes[8] = 77;
  EXPECT_EQ(map.at("image")[1][0][2].item<int>(), 77);
  map.at("height")[0] = 8.0;
  EXPECT_EQ(numbers[0], 8.0);
}

TEST(TensorMap, AViewHasTheRowsOfTheTensor) {
  const at::Tensor images = at::arange(12).to(at::kByte).view({2, 2, 3});
  const ConstFieldView view = view_of(kMatrix, images);
  EXPECT_EQ(view.count, 2);
  EXPECT_EQ(view.row(1).as<uint8_t>()[0], 6);
  const at::Tensor actions = at::arange(3);
  EXPECT_EQ(view_of(kScalar, actions).as<int64_t>()[2], 2);
  EXPECT_EQ(view_of(kMatrix, at::empty({0, 2, 3}, at::kByte)).count, 0);
}

TEST(TensorMap, AViewIsRefusedUnlessShapeDtypeAndLayoutFit) {
  const at::Tensor good = at::zeros({4, 2, 3}, at::kByte);
  const auto refused = [&](const at::Tensor& tensor) {
    return input_error([&] { view_of(kMatrix, tensor); });
  };
  EXPECT_THAT(refused(good.to(at::kFloat)), AllOf(HasSubstr("'image'"), HasSubstr("Float")));
  EXPECT_THAT(refused(at::zeros({4, 3, 2}, at::kByte)), HasSubstr("[4, 3, 2]"));
  EXPECT_THAT(refused(at::zeros({4, 6}, at::kByte)), HasSubstr("[N, 2, 3]"));
  EXPECT_THAT(refused(at::zeros({2, 3}, at::kByte)), HasSubstr("[2, 3]"));
  EXPECT_THAT(refused(at::zeros({4, 3, 2}, at::kByte).transpose(1, 2)), HasSubstr("contiguous"));
  EXPECT_THAT(refused(at::zeros({}, at::kByte)), HasSubstr("[]"));
  EXPECT_THAT(input_error([&] { view_of(kScalar, at::zeros({3}, at::kInt)); }), HasSubstr("Int"));
  EXPECT_THAT(input_error([&] {
                view_of(kScalar, at::zeros({3, 1}, at::kLong));
              }),
              HasSubstr("[3, 1]"));
}

TEST(TensorMap, RestoreCopiesOnlyWhatFits) {
  at::Tensor target = at::zeros({2});
  restore_tensor(target, "a", {{"a", at::ones({2})}});
  EXPECT_TRUE(at::equal(target, at::ones({2})));
  const auto refused = [&](const at::Tensor& found) {
    return input_error([&] { restore_tensor(target, "a", {{"a", found}}); });
  };
  EXPECT_THAT(refused(at::zeros({1})), AllOf(HasSubstr("'a'"), HasSubstr("[1]"), HasSubstr("[2]")));
  EXPECT_THAT(refused(at::zeros({2}, at::kDouble)), HasSubstr("Double"));
  EXPECT_TRUE(at::equal(target, at::ones({2})));
}

TEST(TensorMap, EveryDtypeHasItsScalarType) {
  EXPECT_EQ(scalar_type(DType::kBool), at::kBool);
  EXPECT_EQ(scalar_type(DType::kUInt8), at::kByte);
  EXPECT_EQ(scalar_type(DType::kInt64), at::kLong);
  EXPECT_EQ(scalar_type(DType::kFloat32), at::kFloat);
  EXPECT_EQ(scalar_type(DType::kFloat64), at::kDouble);
  for (int i = 0; i < 5; ++i) {
    const auto dtype = static_cast<DType>(i);
    EXPECT_EQ(c10::elementSize(scalar_type(dtype)), item_size(dtype)) << dtype_name(dtype);
  }
}

}  // namespace
}  // namespace reverie
