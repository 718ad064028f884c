#pragma once

#include <memory>
#include <string>

#include "agents/run_config.h"
#include "agents/training/episode_split.h"
#include "datasets/dataset.h"
#include "nn/checkpoint.h"

namespace reverie {

// A dataset, and which of its episodes a run learns from.
struct DatasetSplit {
  std::unique_ptr<Dataset> dataset;
  EpisodeSplit episodes;
};

// By what a run knows the dataset again that it learns from, wherever it lies now: who is held out
// follows from it.
struct DatasetIdentity {
  std::string path;
  int64_t episodes = 0, steps = 0;

  static DatasetIdentity of(const Dataset& dataset);
  void save(Checkpoint& checkpoint) const;

  // Throws Error(kInput) where the checkpoint's run learnt from another one.
  void check(const Checkpoint& saved) const;
};

// The same for the same run, whatever is asked of it later. env: the id of the environment whose
// episodes it is to hold. Throws Error(kInput) as Dataset::open() and split_episodes() do, and for
// a dataset that says that it was recorded in another one of the registry.
DatasetSplit open_split_dataset(const RunConfig& config, const std::string& env,
                                const std::string& path);

// Of pictures that a world model can look at. Throws Error(kInput) too for a dataset without
// pixels, or whose pictures or actions are not those of `spec`.
DatasetSplit open_split_pictures(const RunConfig& config, const EnvSpec& spec,
                                 const std::string& path);

}  // namespace reverie
