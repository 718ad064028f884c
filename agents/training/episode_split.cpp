#include "agents/training/episode_split.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "core/random.h"

namespace reverie {

EpisodeSplit split_episodes(int64_t count, double share, uint64_t seed) {
  REVERIE_CHECK(count >= 2, "held-out episodes: {} episodes in all, expected at least 2", count);
  std::vector<int64_t> order(static_cast<size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  Rng rng(seed);
  for (int64_t i = count - 1; i > 0; --i) {
    std::swap(order[static_cast<size_t>(i)], order[static_cast<size_t>(rng.integers(0, i + 1))]);
  }
  const auto wanted = static_cast<int64_t>(std::llround(share * static_cast<double>(count)));
  const auto cut = order.begin() + std::clamp<int64_t>(wanted, 1, count - 1);
  EpisodeSplit split{.training = {cut, order.end()}, .held_out = {order.begin(), cut}};
  std::sort(split.training.begin(), split.training.end());
  std::sort(split.held_out.begin(), split.held_out.end());
  return split;
}

}  // namespace reverie
