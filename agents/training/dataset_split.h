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

// Identifies the dataset of a run when the run resumes. Which episodes are held out depends on the
// dataset, so with another one the run would learn from episodes that it had held out.
struct DatasetIdentity {
  std::string path;     // for messages; the file may be moved or copied between two resumes
  std::string content;  // "60 steps in 5 episodes, fingerprint 0123456789abcdef"

  // Reads actions and rewards (datasets/dataset_fingerprint.h). Throws Error(kInput) as
  // Dataset::read() does.
  static DatasetIdentity of(Dataset& dataset);

  void save(Checkpoint& checkpoint) const;

  // Throws Error(kInput) that shows both contents when the checkpoint's run learnt from another
  // dataset.
  void check(const Checkpoint& saved) const;
};

// Opens a dataset and splits its episodes as the config's seed says, so that a run is trained and
// evaluated with the same split. env: the id of the environment that it must hold episodes of.
// Throws Error(kInput) as Dataset::open() and split_episodes() do, and for a dataset that names
// another environment of the registry as its own.
DatasetSplit open_split_dataset(const RunConfig& config, const std::string& env,
                                const std::string& path);

// The same for a world model, which learns from pictures. Throws Error(kInput) as well for a
// dataset without pixels and for one whose pictures or actions differ from those of `spec`.
DatasetSplit open_split_pictures(const RunConfig& config, const EnvSpec& spec,
                                 const std::string& path);

}  // namespace reverie
