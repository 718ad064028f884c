#include "agents/training/replay_options.h"

#include <filesystem>

namespace reverie {

ReplayOptions replay_options(const TrainingConfig& training) {
  ReplayOptions options;
  if (training.replay_memory > 0.0) {
    options.memory_budget = static_cast<size_t>(training.replay_memory * 1e9);
    options.disk_folder = training.replay_folder.empty()
                              ? std::filesystem::temp_directory_path()
                              : std::filesystem::path(training.replay_folder);
  }
  if (training.priority_exponent > 0.0) options.priority_exponent = training.priority_exponent;
  return options;
}

}  // namespace reverie
