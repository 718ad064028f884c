#pragma once

#include <memory>
#include <string>

#include "datasets/dataset.h"
#include "datasets/hdf5.h"

namespace reverie {

// D4RL's layout: one HDF5 file, all episodes one after the other.
//
//   observations [N, ...]   actions [N, ...]   rewards [N] float32   terminals, timeouts [N] bool
//   infos/qpos, infos/qvel, infos/goal [N, ...]   next_observations [N, ...] (read, not written)
//
// Reverie adds other observation fields under their own names, [N, ...], and under metadata/, which
// D4RL's loaders ignore, episode_seed [E] and the results of each episode's last action,
// final_observation/FIELD and final_info/NAME [E, ...]. float64 is written as float32, as D4RL
// does. An episode ends at a flag; without timeouts (D4RL's first files) only terminals end one. An
// episode whose recording stopped without a mark is marked truncated if another one follows,
// because readers would join the two. Contents that are not numeric arrays and, at the root, arrays
// without one row per step are left out (Dataset::left_out()).
//
// Source: D4RL, offline_env.py (keys, metadata) and generation/generate_maze2d_datasets.py.
std::unique_ptr<Dataset> open_d4rl(Hdf5File file);
std::unique_ptr<DatasetWriter> create_d4rl(const std::string& path, const DatasetSchema& schema);

}  // namespace reverie
