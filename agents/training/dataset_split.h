#pragma once

#include <memory>
#include <string>

#include "agents/run_config.h"
#include "agents/training/episode_split.h"
#include "datasets/dataset.h"
#include "datasets/dataset_replay.h"
#include "nn/state_list.h"

namespace reverie {

// A dataset, and which of its episodes a run learns from.
struct DatasetSplit {
  std::unique_ptr<Dataset> dataset;
  EpisodeSplit episodes;
};

// Identifies the dataset when a run resumes, wherever it lies by then, so that the same episodes
// stay held out.
struct DatasetIdentity {
  std::string path;
  int64_t episodes = 0, steps = 0;

  static DatasetIdentity of(const Dataset& dataset);
  // Lists what identifies it. Loading throws Error(kInput) where the checkpoint's run learnt from
  // another one.
  void state(StateList& list);
};

// The same for the same run, whatever is asked of it later. env: the id of the environment whose
// episodes it is to hold. Throws Error(kInput) as Dataset::open() and split_episodes() do, and for
// a dataset that says that it was recorded in another one of the registry.
DatasetSplit open_split_dataset(const RunConfig& config, const std::string& env,
                                const std::string& path);

// The dataset at `path`, for learners in this environment. spec: a SpaceAdapter's. Throws
// Error(kInput) as Dataset::open() does, for one that says that it was recorded in another
// environment of the registry, and where its observations or actions are not those of the spec.
std::unique_ptr<Dataset> open_dataset_for(const EnvSpec& spec, const std::string& path);

// All transitions of such a dataset as learners see them: the fields of the spec, actions in [-1,
// 1].
std::unique_ptr<ReplayBuffer> load_transitions(Dataset& dataset, const RunConfig& config,
                                               const EnvSpec& spec, at::Device device,
                                               const ReplayOptions& options);

// Of pictures that a world model can look at. Throws Error(kInput) too for a dataset without
// pixels, or whose pictures or actions are not those of `spec`.
DatasetSplit open_split_pictures(const RunConfig& config, const EnvSpec& spec,
                                 const std::string& path);

}  // namespace reverie
