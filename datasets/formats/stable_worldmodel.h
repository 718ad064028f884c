#pragma once

#include <memory>
#include <string>

#include "datasets/dataset.h"
#include "datasets/hdf5.h"

namespace reverie {

// The HDF5 layout of stable-worldmodel: one file, a dataset for each column.
//
//   ep_len, ep_offset [E]        rows of each episode and its first row
//   action [N, ...]   reward [N]   terminated, truncated [N] bool
//   pixels [N, H, W, C] uint8, observation, proprio, state, ... [N, ...]   step_idx [N]
//
// An episode of T steps has T + 1 rows, the first being the reset. Row t holds what came of action
// t - 1, its reward and flags among it (row 0: NaN and false), beside action t (last row: NaN, and
// of integers -2^63, to which NumPy turns NaN).
//
// Reading: where the first episode has neither such an action nor such a reward, as in files that
// were not collected by the package, its rows are T steps that hold action, reward and flags of
// their own, and what came of the last action is not known. Without a column `reward` rewards are 0
// and the attribute `reward` says so. Older files have episode_idx (or ep_idx) and step_idx instead
// of ep_len. `qpos`, `qvel`, `physics` and `variation.*` are info, or what our attribute `info`
// lists; text columns, `id` and the indices are left out; every other column is an observation.
// Writing: episodes and rows as the package has them, in larger chunks and gzip-compressed; ep_len
// is int64, not int32. Seeds are left out. For what is unknown after the last action see
// datasets/formats/final_rows.h.
//
// Source: stable-worldmodel 0.1.1 data/formats/hdf5.py (HDF5Writer, HDF5Dataset),
// wrapper/default.py (EverythingToInfoWrapper) and World.collect; differs: as said.
std::unique_ptr<Dataset> open_stable_worldmodel(Hdf5File file);
std::unique_ptr<DatasetWriter> create_stable_worldmodel(const std::string& path,
                                                        const DatasetSchema& schema);

// Whether the file has the layout's index of episodes.
bool holds_stable_worldmodel(const Hdf5File& file);

}  // namespace reverie
