#include "nn/device_checks.h"

#include <gtest/gtest.h>

#include "nn/pch.h"
#include "tests/errors.h"
#include "tests/meta_device.h"

namespace reverie {
namespace {

TEST(DeviceChecks, ReportTheFirstThatDoesNotHoldWhereTheyAreRead) {
  DeviceChecks checks;
  checks.read();
  checks.expect(at::ones({2, 3}) > 0.0, ErrorKind::kInput, "holds");
  checks.expect(at::tensor({1.0, 0.0, 2.0}) > 0.0, ErrorKind::kRun, "one of three does not");
  checks.expect(at::zeros({}) > 0.0, ErrorKind::kInput, "neither does this");
  EXPECT_EQ(test::run_error([&] { checks.read(); }), "one of three does not");
  checks.read();  // it has forgotten them
  checks.expect(at::zeros({}) > 0.0, ErrorKind::kInput, "wrong input");
  EXPECT_EQ(test::input_error([&] { checks.read(); }), "wrong input");
}

TEST(DeviceChecks, WaitForTheDeviceWhenTheyAreReadOnly) {
  const test::MetaDevice meta;
  DeviceChecks checks;
  checks.expect(at::isfinite(at::zeros({3}, at::kMeta)), ErrorKind::kRun, "unknown");
  EXPECT_TRUE(meta.faults().empty());
  EXPECT_ANY_THROW(checks.read());
}

}  // namespace
}  // namespace reverie
