#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <ATen/core/TensorBody.h>

#include "agents/training/dataset_split.h"
#include "runs/load_policy.h"
#include "worldmodel/world_model.h"

namespace reverie {

class HasWorldModel;
class WorldModelAgent;

// The policy of a run whose agent has a world model. Throws Error(kInput) for other agents.
HasWorldModel& world_model_of(const LoadedPolicy& loaded);

// The same of an agent that is nothing else. Throws Error(kInput) for other agents.
WorldModelAgent& world_model_agent(const LoadedPolicy& loaded);

// A trained world model, and the dataset to examine it with.
struct WorldModelRun {
  LoadedPolicy loaded;  // owns the model
  WorldModel* model = nullptr;
  DatasetSplit data;

  int64_t block() const;  // environment steps between two frames of the model
};

// Opens the latest checkpoint of a run folder. dataset: "" = the training dataset with the same
// held-out episodes; another one is split by the same rule. device: "" = the run's. Throws
// Error(kInput) as load_policy() and open_split_pictures() do, for an agent without a world model,
// and without a dataset for a run that gathered its experience itself.
WorldModelRun open_world_model_run(const std::string& run, const std::string& dataset,
                                   const std::string& device);

// The pictures of some rows of an episode, [n, H, W, C] uint8. Throws Error(kInput) for a row that
// does not exist.
at::Tensor episode_pictures(const Dataset& dataset, const EpisodeData& episode,
                            const std::vector<int64_t>& rows);

// The number of rows with both a picture and the simulator's values.
int64_t known_rows(const EpisodeData& episode);

// The latents of single pictures, [N, H, W, C] to [N, D] float32 on the CPU, without gradient.
at::Tensor encode_pictures(const WorldModelRun& run, const at::Tensor& pictures);

// The episodes in a random order.
std::vector<int64_t> shuffled(std::vector<int64_t> episodes, Rng& rng);

}  // namespace reverie
