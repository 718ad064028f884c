#pragma once

#include <cstdint>
#include <vector>

namespace reverie {

// Which episodes are learnt from and which are held out: whole episodes, never pieces of those that
// are learnt from. Ascending.
struct EpisodeSplit {
  std::vector<int64_t> training, held_out;
};

// Draws round(share * count) episodes to hold out, at least one and not all. The same arguments
// give the same split. Throws Error(kInput) for fewer than two episodes.
EpisodeSplit split_episodes(int64_t count, double share, uint64_t seed);

}  // namespace reverie
