#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/file.h"

namespace reverie {

// One complete checkpoint of a run.
struct CheckpointFolder {
  int64_t step = 0;
  std::filesystem::path path;
};

// An unfinished checkpoint: a folder under a temporary name, which readers ignore. It is removed if
// it is destroyed without publish(). Must not outlive the RunDirectory that made it.
class StagedCheckpoint {
 public:
  StagedCheckpoint(StagedCheckpoint&& other) noexcept;
  StagedCheckpoint& operator=(StagedCheckpoint&&) = delete;
  ~StagedCheckpoint();

  // Write the checkpoint's files here; they need not be synced.
  const std::filesystem::path& path() const { return staging_; }

  // Syncs the files, renames the folder to its final name and makes `latest` name it; the
  // checkpoint before it stays until then. A folder of the same step is replaced. Then removes
  // checkpoints until `keep` are left (1 or more; 0 keeps all): first those of later steps, left by
  // a resume from an older checkpoint, then the oldest. Returns the one that is now the latest.
  // Call once.
  //
  // Throws Error(kInput) for a negative `keep` and Error(kRun) when the disk fails; even then the
  // previous latest checkpoint stays complete.
  CheckpointFolder publish(int64_t keep = 0);

 private:
  friend class RunDirectory;
  StagedCheckpoint(std::filesystem::path run, int64_t step);

  std::filesystem::path run_;
  std::filesystem::path staging_;  // empty once published or moved from
  int64_t step_;
};

// The folder of one run:
//
//   config.toml  metrics.csv  events.out.tfevents...  videos/
//   checkpoints/step_000050000/...   one folder a checkpoint, named by the environment step
//   latest                           a text file: the name of the newest checkpoint's folder
//   best/                            the policy of the best evaluation while training
//   .lock                            locked while a process trains here
//
// `latest` is a file, not a link, so that a run can be copied anywhere. A checkpoint may disappear
// while it is read when a writer keeps few of them.
class RunDirectory {
 public:
  enum class Access : uint8_t {
    kRead,   // evaluate, render: nothing is locked or changed
    kWrite,  // resume: takes the lock, removes what a killed writer left unfinished
  };

  // Makes the folder of a new run, with its parents, and locks it. Files of a run that ended before
  // its first checkpoint are removed. Throws Error(kInput) when the folder exists and holds
  // anything else, and Error(kRun) when it cannot be made or written or another process
  // has it. On a file system that knows no locks the run goes unlocked.
  static RunDirectory create(const std::filesystem::path& path);

  // Opens the folder of a run that has a checkpoint. Throws Error(kInput) that names what is
  // missing (the folder, with the nearest name beside it; config.toml; a checkpoint), and
  // Error(kRun) with the holder's process id when another process writes to it.
  static RunDirectory open(const std::filesystem::path& path, Access access);

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path config_file() const { return path_ / "config.toml"; }
  std::filesystem::path videos() const { return path_ / "videos"; }

  // Begins the checkpoint of an environment step >= 0. Throws Error(kInput) when this is open for
  // reading only or the step is negative, and Error(kRun).
  StagedCheckpoint new_checkpoint(int64_t step) const;

  // The checkpoint that `latest` names. Throws Error(kInput) with the existing checkpoints when
  // `latest` is missing, does not hold a checkpoint's name or names a missing folder.
  CheckpointFolder latest_checkpoint() const;

  // All of them, by step.
  std::vector<CheckpointFolder> checkpoints() const;

  // The one that `which` names: "latest", "best", or a step. Throws Error(kInput) with those that
  // are there; `best` has step -1, which its own files know.
  CheckpointFolder checkpoint(const std::string& which) const;

  // Replaces the policy that `best` holds. `write` fills the folder that it is given, which is
  // under a temporary name. Throws Error(kInput) when this is open for reading only, and
  // Error(kRun).
  void replace_best(const std::function<void(const std::filesystem::path& folder)>& write) const;
  std::filesystem::path best() const { return path_ / "best"; }

 private:
  CheckpointFolder find_latest() const;
  explicit RunDirectory(std::filesystem::path path) : path_(std::move(path)) {}
  void lock();

  std::filesystem::path path_;
  FileDescriptor lock_;
  bool writable_ = false;
};

// Copies config, files and a checkpoint of a run, named as for RunDirectory::checkpoint(), to a
// folder that does not exist yet, as a run that can be evaluated. Throws Error(kInput) as
// checkpoint() does, and Error(kRun).
void copy_policy(const RunDirectory& run, const std::string& which,
                 const std::filesystem::path& to);

}  // namespace reverie
