#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "datasets/dataset.h"

namespace reverie {

// For layouts whose columns all have a row for what came of the last action.

// An episode that does not know its last observation, with a row for it: where the episode
// terminated the observation before is repeated, has_final_observation stays false and the layout
// has to mark the episode (kUnseenEnd); else the last step goes, with the one before it marked
// truncated. nullopt where no step is left.
std::optional<EpisodeData> with_final_observation(EpisodeData episode, const DatasetSchema& schema);

// Undoes it for an episode that is marked: takes the last rows away.
void without_final_observation(EpisodeData& episode, const DatasetSchema& schema);

// What a mark is called in a layout. Readers of others pass over it.
inline constexpr const char* kUnseenEnd = "reverie_unseen_end";

// The info columns with T + 1 rows each. A row that is not known is NaN, and of integers the row
// before it.
std::vector<std::vector<std::byte>> padded_info(const EpisodeData& episode,
                                                const DatasetSchema& schema);

// Undoes padded_info(): sets has_final_info, and takes the last rows away where each of floats is
// NaN throughout.
void trim_info(EpisodeData& episode, const DatasetSchema& schema);

}  // namespace reverie
