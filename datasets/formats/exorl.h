#pragma once

#include <memory>
#include <string>

#include "datasets/dataset.h"

namespace reverie {

// ExoRL's layout: a folder with a .npz file for each episode.
//
//   buffer/episode_{index}_{T}.npz   observation [T + 1, ...], action [T + 1, ...],
//                                    reward, discount [T + 1, 1], physics [T + 1, nq + nv] float64
//   metadata.json                    ours: "attributes", which arrays are "observation" and "info",
//                                    "nq"; ExoRL's loader passes over it
//
// Row 0 is the reset: action and reward 0, discount 1. Row t holds action t - 1, its reward and
// discount, and what came of it; discount 0 is a terminated episode, which must be at its last row.
//
// Reading: the folder above `buffer`, or one that holds the episodes itself. Without our metadata
// `observation` is the observation and every array beside the five is info, `physics` among them as
// one field, because nq is the environment's; those that are no numbers or have not T + 1 rows are
// left out (Dataset::left_out()). An episode that does not terminate is truncated.
// Writing: info `qpos` and `qvel` become `physics`; observations and actions of float64 are written
// as float32, as ExoRL has them; seeds are left out. For what is unknown after the last action see
// datasets/formats/final_rows.h.
//
// Source: ExoRL, replay_buffer.py (episode_len, load_episode, _sample) and README (names).
std::unique_ptr<Dataset> open_exorl(const std::string& path);
std::unique_ptr<DatasetWriter> create_exorl(const std::string& path, const DatasetSchema& schema);

}  // namespace reverie
