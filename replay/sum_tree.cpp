#include "replay/sum_tree.h"

#include <bit>

#include "nn/pch.h"

namespace reverie {

SumTree::SumTree(int64_t n)
    : leaves_(static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(n)))),
      nodes_(static_cast<size_t>(2 * leaves_), 0.0) {}

void SumTree::set(int64_t i, double value) {
  auto node = static_cast<size_t>(leaves_ + i);
  if (nodes_[node] == value) return;
  nodes_[node] = value;
  for (node /= 2; node >= 1; node /= 2) nodes_[node] = nodes_[2 * node] + nodes_[2 * node + 1];
}

int64_t SumTree::find(double mass) const {
  size_t node = 1;
  while (node < static_cast<size_t>(leaves_)) {
    node *= 2;
    // Rounding may leave a mass beyond the sum of both: then take the right one, unless it is
    // empty.
    if (mass >= nodes_[node] && nodes_[node + 1] > 0.0) {
      mass -= nodes_[node];
      ++node;
    }
  }
  return static_cast<int64_t>(node) - leaves_;
}

}  // namespace reverie
