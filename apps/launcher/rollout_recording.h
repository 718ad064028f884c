#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "datasets/dataset.h"
#include "datasets/hdf5.h"
#include "envs/env.h"

namespace reverie {

// The actions to replay, and where their episode begins.
struct RecordedActions {
  std::string name;                     // of the actions, in errors
  std::vector<std::byte> actions = {};  // [steps], in the environment's dtype
  int64_t steps = 0;
  uint64_t seed = 0;
  // The parts of the physics in the first state; empty: the state is that of the reset.
  std::vector<std::pair<std::string, std::vector<double>>> state = {};
};

// `--from` of `reverie rollout`: a group of an HDF5 file that holds `action`, or a dataset in any
// layout.
class RolloutSource {
 public:
  // Throws Error(kInput) for a file that is missing, damaged or neither of them.
  explicit RolloutSource(const std::string& from);

  // Null for a group.
  const Dataset* dataset() const { return dataset_.get(); }

  // Reads the actions. env: the environment that replays them; it is reset. seed: the user's.
  // episode: of the dataset. Throws Error(kInput) for actions of another environment, for an
  // episode that the dataset does not have, and if nothing says where the episode begins.
  RecordedActions read(Env& env, const Field& action, std::optional<uint64_t> seed,
                       std::optional<int64_t> episode);

 private:
  RecordedActions read_group(Env& env, const Field& action) const;
  RecordedActions read_episode(Env& env, const Field& action, bool has_seed, int64_t episode);

  std::unique_ptr<Dataset> dataset_;
  std::optional<Hdf5File> file_;  // without a dataset
  std::string group_;
};

}  // namespace reverie
