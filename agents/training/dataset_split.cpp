#include "agents/training/dataset_split.h"

namespace reverie {

DatasetSplit open_split_dataset(const RunConfig& config, const std::string& path) {
  DatasetSplit split{.dataset = Dataset::open(path), .episodes = {}};
  split.episodes = split_episodes(static_cast<int64_t>(split.dataset->episodes().size()),
                                  config.training.held_out, config.seed_for("held-out episodes"));
  return split;
}

}  // namespace reverie
