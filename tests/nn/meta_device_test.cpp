#include "tests/meta_device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nn/pch.h"

namespace reverie {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

at::Tensor on_meta() { return at::zeros({3, 4}, at::kMeta); }

TEST(MetaDevice, ValuesCannotBeRead) {
  const at::Tensor x = on_meta();
  EXPECT_ANY_THROW(x.sum().item<double>());
  EXPECT_ANY_THROW(x.cpu());
  EXPECT_ANY_THROW(x.nonzero());
  EXPECT_ANY_THROW(at::equal(x, x));
  EXPECT_ANY_THROW(x + at::zeros({3, 4}));
}

// LibTorch accepts these.
TEST(MetaDevice, TensorsOfTheCpuAreNoticed) {
  const at::Tensor x = on_meta();
  test::MetaDevice meta;
  at::cat({x, at::zeros({1, 4})});
  EXPECT_THAT(meta.faults(), ElementsAre("aten::cat: [1, 4] of the CPU"));
  meta.forget_faults();
  at::matmul(x, at::zeros({4, 2}));
  EXPECT_THAT(meta.faults(), testing::Contains(HasSubstr("[4, 2] of the CPU")));
  meta.forget_faults();
  at::zeros({5}).to(at::kMeta);
  EXPECT_THAT(meta.faults(), ElementsAre("aten::copy_: [5] of the CPU"));
  meta.forget_faults();
  {
    test::MetaDevice inner;
    x.copy_(at::zeros({4}));
    EXPECT_THAT(inner.faults(), ElementsAre(HasSubstr("copy_")));
  }
  EXPECT_THAT(meta.faults(), IsEmpty());
}

TEST(MetaDevice, WhatStaysOnItIsNoFault) {
  const test::MetaDevice meta;
  const at::Tensor x = on_meta();
  EXPECT_EQ(at::where(x > 0.0, x, -x).std(1).sizes(), at::IntArrayRef({3}));
  EXPECT_EQ(at::multinomial(x, 7, true).sizes(), at::IntArrayRef({3, 7}));
  (x + at::zeros({})).add_(2.0);
  at::zeros({3}).add_(1.0);  // alone
  EXPECT_THAT(meta.faults(), IsEmpty());
}

}  // namespace
}  // namespace reverie
