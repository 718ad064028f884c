#pragma once

// One training run in a folder of its own.

#include <atomic>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include <fcntl.h>

#include "agents/run_config.h"
#include "agents/training/off_policy.h"
#include "core/run_directory.h"
#include "tests/temporary_folder.h"

namespace reverie::test {

class TrainingRun {
 public:
  TrainingResult train() {
    RunDirectory directory = RunDirectory::create(path());
    return train(directory, std::nullopt);
  }

  TrainingResult resume() {
    RunDirectory directory = RunDirectory::open(path(), RunDirectory::Access::kWrite);
    return train(directory, latest());
  }

  CheckpointFolder latest_folder() const {
    return RunDirectory::open(path(), RunDirectory::Access::kRead).latest_checkpoint();
  }

  Checkpoint latest() const {
    return Checkpoint::read(latest_folder().path, config.loop().groups(config.training));
  }

  // The rows of metrics.csv, the head first.
  std::vector<std::string> log_lines() const {
    std::ifstream stream(path() / "metrics.csv");
    std::vector<std::string> lines;
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
  }

  std::filesystem::path path() const { return folder_ / "run"; }

  RunConfig config;
  std::atomic<bool> stop = false;

 private:
  TrainingResult train(RunDirectory& directory, std::optional<Checkpoint> saved) {
    MetricLog log(directory.path(), saved ? std::optional(saved->integer("step")) : std::nullopt);
    const FileDescriptor nowhere(open("/dev/null", O_WRONLY | O_CLOEXEC));
    ProgressBar progress(config.steps, {.quiet = true, .fd = nowhere.get()});
    TrainingSession session{config, directory, log, progress, stop};
    return config.loop().train(session, std::move(saved));
  }

  TemporaryFolder folder_;
};

}  // namespace reverie::test
