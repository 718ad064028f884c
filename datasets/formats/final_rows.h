#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "datasets/dataset.h"

namespace reverie {

// For layouts whose columns all have a row for the result of the last action.

// An episode without its last observation, completed by a row for it. If the episode terminated,
// the previous observation is repeated, has_final_observation stays false and the layout must mark
// the episode (kUnseenEnd). Otherwise the last step is dropped, and the one before it is marked
// truncated. nullopt if no step is left.
std::optional<EpisodeData> with_final_observation(EpisodeData episode, const DatasetSchema& schema);

// Undoes it for a marked episode: removes the last rows.
void without_final_observation(EpisodeData& episode, const DatasetSchema& schema);

// The name of the mark in a layout. Other libraries' readers ignore it.
inline constexpr const char* kUnseenEnd = "reverie_unseen_end";

// The info columns with T + 1 rows each. An unknown row is NaN or, for integers, a copy of the
// previous row.
std::vector<std::vector<std::byte>> padded_info(const EpisodeData& episode,
                                                const DatasetSchema& schema);

// Undoes padded_info(): sets has_final_info, and removes the last rows if those of all float
// columns are entirely NaN.
void trim_info(EpisodeData& episode, const DatasetSchema& schema);

}  // namespace reverie
