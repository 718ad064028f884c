#pragma once

#include <cstdint>
#include <vector>

namespace reverie {

// The episodes to learn from and the held-out ones: whole episodes, in ascending order.
struct EpisodeSplit {
  std::vector<int64_t> training, held_out;
};

// Draws round(share * count) episodes to hold out, at least one and not all. The same arguments
// give the same split. Throws Error(kInput) for fewer than two episodes.
EpisodeSplit split_episodes(int64_t count, double share, uint64_t seed);

}  // namespace reverie
