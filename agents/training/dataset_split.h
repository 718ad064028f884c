#pragma once

#include <memory>
#include <string>

#include "agents/run_config.h"
#include "agents/training/episode_split.h"
#include "replay/dataset.h"

namespace reverie {

// A dataset, and which of its episodes a run learns from.
struct DatasetSplit {
  std::unique_ptr<Dataset> dataset;
  EpisodeSplit episodes;
};

// The same for the same run, whatever is asked of it later. Throws Error(kInput) as Dataset::open()
// and split_episodes() do.
DatasetSplit open_split_dataset(const RunConfig& config, const std::string& path);

// Of pictures that a world model can look at. Throws Error(kInput) too for a dataset without
// pixels, or whose pictures or actions are not those of `spec`.
DatasetSplit open_split_pictures(const RunConfig& config, const EnvSpec& spec,
                                 const std::string& path);

}  // namespace reverie
