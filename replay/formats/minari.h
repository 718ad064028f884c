#pragma once

#include <memory>
#include <string>

#include "replay/dataset.h"

namespace reverie {

// Minari's layout: a folder, with one HDF5 group for each episode.
//
//   data/metadata.json     total_episodes, total_steps, spaces, dataset_id, ...
//   data/main_data.hdf5    episode_K/observations [T + 1, ...], or a group with one such array for
//                          each field; actions [T, ...]; rewards [T]; terminations, truncations [T]
//                          bool; infos/NAME [T + 1, ...] or, where the last is unknown, [T, ...]
//
// Source: Minari 0.5, dataset standards and hdf5_storage.py. differs:
// infos stored as JSON texts are not read, nor are seeds. An episode whose last observation is not
// known loses its last step, unless it terminated: then the observation before stands in, which no
// learner uses.
std::unique_ptr<Dataset> open_minari(const std::string& path);
std::unique_ptr<DatasetWriter> create_minari(const std::string& path, const DatasetSchema& schema);

}  // namespace reverie
