#pragma once

#include <memory>
#include <string>

#include "datasets/dataset.h"

namespace reverie {

// Minari's layout: a folder, with one HDF5 group for each episode.
//
//   data/metadata.json     total_episodes, total_steps, spaces, dataset_id, ...
//   data/main_data.hdf5    episode_K/observations [T + 1, ...], or a group with one such array for
//                          each field; actions [T, ...]; rewards [T]; terminations, truncations [T]
//                          bool; infos/NAME [T + 1, ...] or, where the last is unknown, [T, ...]
//
// Source: Minari 0.5, dataset standards and hdf5_storage.py. differs: texts in observations and
// infos are left out (Dataset::left_out()), and pictures packed as JPEG are refused. For an episode
// without its last observation see datasets/formats/final_rows.h.
std::unique_ptr<Dataset> open_minari(const std::string& path);
std::unique_ptr<DatasetWriter> create_minari(const std::string& path, const DatasetSchema& schema);

}  // namespace reverie
