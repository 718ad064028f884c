#pragma once

#include <memory>
#include <string>

#include "datasets/dataset.h"

namespace reverie {

// ExoRL's layout: a folder with a .npz file for each episode.
//
//   buffer/episode_{index}_{T}.npz   observation [T + 1, ...], action [T + 1, ...],
//                                    reward, discount [T + 1, 1], physics [T + 1, nq + nv] float64
//   metadata.json                    from Reverie: "attributes", "nq", which arrays are
//                                    "observation" and "info"; ExoRL's loader ignores it
//
// Row 0 is the reset: action and reward 0, discount 1. Row t holds action t - 1, its reward and
// discount, and the resulting observation. Discount 0 means a terminated episode and must be in its
// last row.
//
// Reading: the path is the folder above `buffer`, or one that holds the episodes itself. Without
// Reverie's metadata, `observation` is the observation and every array besides the five is info,
// with `physics` as one field, because nq depends on the environment. Arrays that are not numeric
// or do not have T + 1 rows are left out (Dataset::left_out()). An episode that does not terminate
// is truncated.
// Writing: info `qpos` and `qvel` become `physics`; float64 observations and actions are written as
// float32, as in ExoRL; seeds are left out. For an unknown result of the last action see
// datasets/formats/final_rows.h.
//
// Source: ExoRL, replay_buffer.py (episode_len, load_episode, _sample) and README (names).
std::unique_ptr<Dataset> open_exorl(const std::string& path);
std::unique_ptr<DatasetWriter> create_exorl(const std::string& path, const DatasetSchema& schema);

}  // namespace reverie
