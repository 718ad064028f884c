#pragma once

// One training run in a folder of its own.

#include <algorithm>
#include <atomic>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <fcntl.h>

#include "agents/run_config.h"
#include "agents/training/trainer.h"
#include "agents/training/transition_trainer.h"
#include "core/file.h"
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

  Checkpoint latest() const { return Checkpoint::read(latest_folder().path); }

  // As if the run had been killed when its newest checkpoint was that of `step`.
  void forget_after(int64_t step) {
    for (const CheckpointFolder& saved :
         RunDirectory::open(path(), RunDirectory::Access::kRead).checkpoints()) {
      if (saved.step > step) std::filesystem::remove_all(saved.path);
      if (saved.step == step) {
        write_file_atomically(path() / "latest", saved.path.filename().string() + "\n");
      }
    }
  }

  // The rows of metrics.csv, the head first.
  std::vector<std::string> log_lines() const {
    std::ifstream stream(path() / "metrics.csv");
    std::vector<std::string> lines;
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
  }

  // The values of a column of metrics.csv, one a row; none where a row, or all of them, lack it.
  std::vector<std::optional<double>> logged(const std::string& column) const {
    const auto cells = [](const std::string& line) {
      std::vector<std::string> found;
      std::stringstream stream(line);
      for (std::string cell; std::getline(stream, cell, ',');) found.push_back(cell);
      return found;
    };
    const std::vector<std::string> lines = log_lines();
    const std::vector<std::string> head = cells(lines.at(0));
    const auto at = static_cast<size_t>(std::find(head.begin(), head.end(), column) - head.begin());
    std::vector<std::optional<double>> values;
    for (size_t i = 1; i < lines.size(); ++i) {
      const std::vector<std::string> row = cells(lines[i]);
      const bool is_there = at < row.size() && !row[at].empty();
      values.push_back(is_there ? std::optional(std::stod(row[at])) : std::nullopt);
    }
    return values;
  }

  std::filesystem::path path() const { return folder_ / "run"; }

  RunConfig config;
  std::atomic<bool> stop = false;

 private:
  TrainingResult train(RunDirectory& directory, std::optional<Checkpoint> saved) {
    const std::unique_ptr<Trainer> trainer = config.training->make(config, {});
    MetricLog log(directory.path(), saved ? std::optional(saved->integer("step")) : std::nullopt);
    const FileDescriptor nowhere(open("/dev/null", O_WRONLY | O_CLOEXEC));
    ProgressBar progress(config.training->length(config), {.quiet = true, .fd = nowhere.get()});
    TrainingSession session{config, directory, log, progress, stop};
    if (!saved) return drive(session, *trainer);
    resume_trainer(*trainer, *saved);
    return drive(session, *trainer, RunStart::kResumed);
  }

  TemporaryFolder folder_;
};

}  // namespace reverie::test
