#include "nn/device.h"

#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nn/pch.h"
#include "tests/errors.h"

namespace reverie {
namespace {

using test::input_error;
using testing::HasSubstr;

TEST(Device, CpuIsAlwaysThere) { EXPECT_TRUE(open_device("cpu").is_cpu()); }

TEST(Device, AMisspelledNameIsCorrected) {
  EXPECT_THAT(input_error([] { open_device("cudo"); }), HasSubstr("did you mean 'cuda'?"));
  EXPECT_THAT(input_error([] { open_device(""); }), HasSubstr("Known: cpu, cuda"));
}

TEST(Device, CudaWithoutAGpuIsTheUsersToMend) {
  try {
    open_device("cuda");
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInput);
    EXPECT_THAT(error.what(), HasSubstr("--device cuda"));
    EXPECT_THAT(error.what(), testing::AnyOf(HasSubstr("scripts/setup"), HasSubstr("nvidia-smi")));
    return;
  }
  GTEST_SKIP() << "this machine has a GPU";
}

TEST(Device, ComputeThreadsAreSet) {
  const int before = at::get_num_threads();
  set_compute_threads(1);
  EXPECT_EQ(at::get_num_threads(), 1);
  set_compute_threads(before);
  EXPECT_THAT(input_error([] { set_compute_threads(0); }), HasSubstr("at least 1"));
}

}  // namespace
}  // namespace reverie
