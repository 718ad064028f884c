#pragma once

#include <memory>
#include <string>

#include "agents/run_config.h"
#include "agents/training/dataset_replay.h"
#include "agents/training/episode_split.h"
#include "datasets/dataset.h"
#include "nn/state_list.h"

namespace reverie {

// A dataset and the split of its episodes for a run.
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

  // Throws Error(kInput) that shows both contents unless `known` is this one's.
  void check(const std::string& known) const;

  // Lists the content. Loading throws Error(kInput) that shows both contents when the checkpoint's
  // run learnt from another dataset.
  void state(StateList& list);
};

// Opens a dataset and splits its episodes as the config's seed says, so that a run is trained and
// evaluated with the same split. env: the id of the environment that it must hold episodes of.
// Throws Error(kInput) as Dataset::open() and split_episodes() do, and for a dataset that names
// another environment of the registry as its own. known: the content (DatasetIdentity) of the
// dataset that a run learnt from, which this one has to be; "" = any. Another one is refused, as
// episodes that the run learnt from would count as held out.
DatasetSplit open_split_dataset(const RunConfig& config, const std::string& env,
                                const std::string& path, const std::string& known = "");

// The dataset at `path`, for learners in this environment. spec: a SpaceAdapter's. Throws
// Error(kInput) as Dataset::open() does, for a dataset recorded in another environment of the
// registry, and when its observations or actions differ from the spec's.
std::unique_ptr<Dataset> open_dataset_for(const EnvSpec& spec, const std::string& path);

// The indices of the episodes that returned most, in ascending order: share (0, 1] of all, at least
// one.
std::vector<int64_t> best_episodes(Dataset& dataset, double share);

// The transitions of such a dataset as learners see them: the fields of the spec, actions in [-1,
// 1]. share: of best_episodes(); 1: all.
std::unique_ptr<ReplayBuffer> load_transitions(Dataset& dataset, double share,
                                               const RunConfig& config, const EnvSpec& spec,
                                               at::Device device, const ReplayOptions& options);

// Likewise for a world model, which learns from pictures. Also throws Error(kInput) for a dataset
// without pixels and for one whose pictures or actions differ from those of `spec`.
DatasetSplit open_split_pictures(const RunConfig& config, const EnvSpec& spec,
                                 const std::string& path, const std::string& known = "");

}  // namespace reverie
