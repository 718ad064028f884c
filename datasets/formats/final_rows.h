#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "datasets/dataset.h"

namespace reverie {

// For layouts whose columns all have a row for what came of the last action.

// An episode that does not know its last observation, as one that has it: the observation before
// stands in where the episode terminated, which no learner uses, and else the last step goes, with
// the one before it marked truncated. nullopt where no step is left.
std::optional<EpisodeData> with_final_observation(EpisodeData episode, const DatasetSchema& schema);

// The info columns with T + 1 rows each. A row that is not known is NaN, and of integers the row
// before it.
std::vector<std::vector<std::byte>> padded_info(const EpisodeData& episode,
                                                const DatasetSchema& schema);

// Undoes padded_info(): sets has_final_info, and takes the last rows away where each of floats is
// NaN throughout.
void trim_info(EpisodeData& episode, const DatasetSchema& schema);

}  // namespace reverie
