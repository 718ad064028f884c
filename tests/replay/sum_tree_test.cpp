#include "replay/sum_tree.h"

#include <vector>

#include <gtest/gtest.h>

#include "core/random.h"
#include "nn/pch.h"

namespace reverie {
namespace {

TEST(SumTree, FindsWhatALinearSearchFinds) {
  for (int64_t n : {1, 2, 3, 7, 8, 9, 100}) {
    SumTree tree(n);
    std::vector<double> values(static_cast<size_t>(n), 0.0);
    Rng rng(static_cast<uint64_t>(n));
    for (int round = 0; round < 200; ++round) {
      const int64_t i = rng.integers(0, n);
      // Small integers: sums are exact, so both searches must agree to the bit.
      const auto value = static_cast<double>(rng.integers(0, 4));
      tree.set(i, value);
      values[static_cast<size_t>(i)] = value;
      double total = 0.0;
      for (const double v : values) total += v;
      ASSERT_EQ(tree.total(), total);
      for (double mass = 0.0; mass < total; mass += 0.5) {
        int64_t expected = 0;
        for (double sum = values[0]; mass >= sum;) sum += values[static_cast<size_t>(++expected)];
        ASSERT_EQ(tree.find(mass), expected) << "mass " << mass << " of " << total;
      }
    }
  }
}

TEST(SumTree, NeverFindsAnEmptyPlace) {
  SumTree tree(6);
  tree.set(2, 0.1);
  tree.set(4, 0.2);
  EXPECT_EQ(tree.find(tree.total()), 4);
  EXPECT_EQ(tree.find(1e9), 4);
  tree.set(4, 0.0);
  EXPECT_EQ(tree.find(0.0), 2);
  EXPECT_EQ(tree.find(tree.total()), 2);
  EXPECT_EQ(tree.total(), 0.1);
}

}  // namespace
}  // namespace reverie
