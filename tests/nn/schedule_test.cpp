#include "nn/schedule.h"

#include <gtest/gtest.h>

namespace reverie {
namespace {

TEST(Schedule, RisesLinearlyThenFallsAsACosine) {
  EXPECT_DOUBLE_EQ(warmup_cosine(0.0, 0.2), 0.0);
  EXPECT_DOUBLE_EQ(warmup_cosine(0.05, 0.2), 0.25);
  EXPECT_DOUBLE_EQ(warmup_cosine(0.2, 0.2), 1.0);
  EXPECT_NEAR(warmup_cosine(0.4, 0.2), 0.853553390593, 1e-12);  // (1 + cos 45 degrees) / 2
  EXPECT_NEAR(warmup_cosine(0.6, 0.2), 0.5, 1e-12);
  EXPECT_NEAR(warmup_cosine(1.0, 0.2), 0.0, 1e-12);
  EXPECT_DOUBLE_EQ(warmup_cosine(0.0, 0.0), 1.0) << "without a warm-up";
}

}  // namespace
}  // namespace reverie
