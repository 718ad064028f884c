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
// An episode of T steps has T + 1 rows; the first is the reset. Row t holds the result of action t
// - 1 with its reward and flags (row 0: NaN and false), and action t (last row: NaN, or for
// integers -2^63, to which NumPy converts NaN).
//
// Reading: if the first episode has neither such an action nor such a reward, as in files not
// collected by the package, its rows are T steps with their own action, reward and flags, and the
// result of the last action is unknown. Without a column `reward` rewards are 0, and the attribute
// `reward` says so. Older files have episode_idx (or ep_idx) and step_idx instead of ep_len.
// `qpos`, `qvel`, `physics` and `variation.*` are info, or the columns that Reverie's attribute
// `info` lists; text columns, `id` and the indices are left out; every other column is an
// observation. Writing: episodes and rows as in the package, in larger chunks and gzip-compressed;
// ep_len is int64, not int32. Seeds are left out. For an unknown result of the last action see
// datasets/formats/final_rows.h.
//
// Source: stable-worldmodel 0.1.1 data/formats/hdf5.py (HDF5Writer, HDF5Dataset),
// wrapper/default.py (EverythingToInfoWrapper) and World.collect; differs: as described.
std::unique_ptr<Dataset> open_stable_worldmodel(Hdf5File file);
std::unique_ptr<DatasetWriter> create_stable_worldmodel(const std::string& path,
                                                        const DatasetSchema& schema);

// Whether the file has the layout's index of episodes.
bool holds_stable_worldmodel(const Hdf5File& file);

}  // namespace reverie
