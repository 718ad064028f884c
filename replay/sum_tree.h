#pragma once

#include <cstdint>
#include <vector>

namespace reverie {

// Non-negative numbers p_0 .. p_{n-1}, summed and searched in O(log n). A complete binary tree
// holds in each node the sum of its children. Sums are recomputed upwards with every change, so
// rounding errors do not accumulate.
class SumTree {
 public:
  // n >= 1 zeros. Uses 16 to 32 bytes for each.
  explicit SumTree(int64_t n);

  // O(log n). 0 <= i < n and value >= 0, finite (not checked).
  void set(int64_t i, double value);

  double at(int64_t i) const { return nodes_[static_cast<size_t>(leaves_ + i)]; }
  double total() const { return nodes_[1]; }

  // The i with p_0 + .. + p_{i-1} <= mass < p_0 + .. + p_i, up to rounding; p_i > 0 always. For
  // 0 <= mass <= total() and total() > 0 (not checked).
  int64_t find(double mass) const;

 private:
  int64_t leaves_;             // a power of two
  std::vector<double> nodes_;  // children of k: 2k and 2k+1; the root is 1
};

}  // namespace reverie
