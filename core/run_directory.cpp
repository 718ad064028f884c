#include "core/run_directory.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <limits>
#include <optional>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <fmt/ranges.h>
#include <sys/file.h>
#include <unistd.h>

namespace reverie {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kStepPrefix = "step_";
constexpr size_t kStepDigits = 9;
constexpr const char* kLockName = ".lock";
constexpr size_t kMostListed = 10;
constexpr int kTries = 5;  // to read a file that a writer replaces

std::string checkpoint_name(int64_t step) { return fmt::format("{}{:09}", kStepPrefix, step); }

// The step of a checkpoint's folder name; nothing unless checkpoint_name() makes exactly this name.
std::optional<int64_t> checkpoint_step(std::string_view name) {
  if (!name.starts_with(kStepPrefix) || name.size() < kStepPrefix.size() + kStepDigits) return {};
  const std::string_view digits = name.substr(kStepPrefix.size());
  int64_t step = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), step);
  if (error != std::errc() || checkpoint_name(step) != name) return {};
  return step;
}

fs::path checkpoints_of(const fs::path& run) { return run / "checkpoints"; }

std::vector<CheckpointFolder> list_checkpoints(const fs::path& run) {
  std::vector<CheckpointFolder> found;
  std::error_code error;
  for (fs::directory_iterator entry(checkpoints_of(run), error), end; !error && entry != end;
       entry.increment(error)) {
    const auto step = checkpoint_step(entry->path().filename().string());
    std::error_code unreadable;
    if (step && entry->is_directory(unreadable)) found.push_back({*step, entry->path()});
  }
  std::ranges::sort(found, {}, &CheckpointFolder::step);
  return found;
}

// The last few of a list, for a message.
std::string some_of(std::vector<std::string> names) {
  const size_t dropped = names.size() > kMostListed ? names.size() - kMostListed : 0;
  names.erase(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(dropped));
  return fmt::format("{}{}", dropped > 0 ? fmt::format("({} more) ", dropped) : "",
                     fmt::join(names, ", "));
}

// Content of unknown origin, made safe for a message.
std::string shown(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 40)) out += c >= ' ' && c <= '~' ? c : '?';
  return out + (text.size() > 40 ? "..." : "");
}

// Removed under a temporary name, so that a kill half-way leaves nothing that looks like a
// checkpoint.
void remove_checkpoint(const fs::path& folder) {
  const fs::path doomed = temporary_sibling(folder);
  std::error_code error;
  fs::rename(folder, doomed, error);
  if (!error) fs::remove_all(doomed, error);
  REVERIE_CHECK_RUN(!error, "{}: cannot remove: {}", folder.string(), error.message());
}

void make_folder(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  REVERIE_CHECK_RUN(!error, "{}: cannot make the folder: {}", path.string(), error.message());
}

// Turns "runs/a/" and "runs/./a" into "runs/a", so that there is a last name.
fs::path tidy(const fs::path& path) {
  REVERIE_CHECK(!path.empty(), "the run folder's name is empty");
  const fs::path normal = path.lexically_normal();
  return normal.has_filename() ? normal : normal.parent_path();
}

[[noreturn]] void fail_no_run(const fs::path& path) {
  std::vector<std::string> siblings;
  const fs::path parent = path.has_parent_path() ? path.parent_path() : fs::path(".");
  std::error_code error;
  for (fs::directory_iterator entry(parent, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code unreadable;
    if (fs::exists(entry->path() / "config.toml", unreadable)) {
      siblings.push_back(entry->path().filename().string());
    }
  }
  std::ranges::sort(siblings);
  const std::string nearest = nearest_name(path.filename().string(), siblings);
  fail_input(
      "{}: no such run folder{}{}", path.string(),
      nearest.empty()
          ? ""
          : fmt::format("; did you mean '{}'?", (path.parent_path() / nearest).string()),
      siblings.empty() ? "" : fmt::format(" Runs in {}: {}", parent.string(), some_of(siblings)));
}

// Whether the folder holds anything but a run's lock.
bool is_occupied(const fs::path& path) {
  std::error_code error;
  for (fs::directory_iterator entry(path, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().filename() != kLockName) return true;
  }
  REVERIE_CHECK_RUN(!error, "{}: cannot list: {}", path.string(), error.message());
  return false;
}

// Whether the folder holds only what a run writes before its first checkpoint, so that nothing is
// lost with it. The lock and the folder of checkpoints distinguish it from a folder that somebody
// has prepared.
bool is_without_checkpoint(const fs::path& run) {
  std::error_code missing;
  if (!fs::exists(run / kLockName, missing) || !fs::is_directory(checkpoints_of(run), missing) ||
      !list_checkpoints(run).empty()) {
    return false;
  }
  static const std::vector<std::string> kFiles = {kLockName, "config.toml", "history.json",
                                                  "metrics.csv"};
  std::error_code error;
  for (fs::directory_iterator entry(run, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    const fs::path& path = entry->path();
    std::error_code unreadable;
    const bool is_ours = std::find(kFiles.begin(), kFiles.end(), name) != kFiles.end() ||
                         name.starts_with("events.out.tfevents.") || is_temporary_sibling(path) ||
                         name == checkpoints_of(run).filename() || name == "files" ||
                         (name == "videos" && fs::is_empty(path, unreadable));
    if (!is_ours) return false;
  }
  return !error;
}

// Keeps the lock, which this process holds.
void remove_all_but_lock(const fs::path& run) {
  std::error_code error;
  std::vector<fs::path> doomed;
  for (fs::directory_iterator entry(run, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().filename() != kLockName) doomed.push_back(entry->path());
  }
  for (const fs::path& path : doomed) {
    if (!error) fs::remove_all(path, error);
  }
  REVERIE_CHECK_RUN(!error, "{}: cannot remove the remains of an unfinished run: {}", run.string(),
                    error.message());
}

}  // namespace

StagedCheckpoint::StagedCheckpoint(fs::path run, int64_t step)
    : run_(std::move(run)),
      staging_(temporary_sibling(checkpoints_of(run_) / checkpoint_name(step))),
      step_(step) {
  make_folder(staging_);
}

StagedCheckpoint::StagedCheckpoint(StagedCheckpoint&& other) noexcept
    : run_(std::move(other.run_)),
      staging_(std::exchange(other.staging_, {})),
      step_(other.step_) {}

StagedCheckpoint::~StagedCheckpoint() {
  std::error_code ignored;
  if (!staging_.empty()) fs::remove_all(staging_, ignored);
}

CheckpointFolder StagedCheckpoint::publish(int64_t keep) {
  REVERIE_CHECK(keep >= 0, "{}: keep is {}, expected 0 (all) or more", run_.string(), keep);
  REVERIE_CHECK(!staging_.empty(), "{}: the checkpoint of step {} is published already",
                run_.string(), step_);
  const CheckpointFolder latest{step_, checkpoints_of(run_) / checkpoint_name(step_)};
  commit_directory(staging_, latest.path);
  staging_.clear();
  write_file_atomically(run_ / "latest", checkpoint_name(step_) + "\n");

  if (keep == 0) return latest;
  std::vector<CheckpointFolder> all = list_checkpoints(run_);
  const auto later = std::ranges::upper_bound(all, step_, {}, &CheckpointFolder::step);
  // Removes later steps first, then the oldest; the checkpoints at the end of the list stay.
  std::rotate(all.begin(), later, all.end());
  for (size_t i = 0; i + static_cast<size_t>(keep) < all.size(); ++i) {
    remove_checkpoint(all[i].path);
  }
  return latest;
}

RunDirectory RunDirectory::create(const fs::path& path) {
  RunDirectory run(tidy(path));
  const std::string name = run.path_.string();
  const auto check_empty = [&] {
    REVERIE_CHECK(!is_occupied(run.path_),
                  "{}: exists and is not empty. Continue it with --resume {}, or choose another "
                  "folder with --run",
                  name, name);
  };
  std::error_code error;
  const fs::file_status status = fs::status(run.path_, error);
  REVERIE_CHECK(!fs::exists(status) || fs::is_directory(status),
                "{}: exists and is not a folder. Choose another with --run", name);
  const bool is_left_over =
      fs::exists(status) && is_occupied(run.path_) && is_without_checkpoint(run.path_);
  if (fs::exists(status) && !is_left_over) check_empty();
  make_folder(run.path_);
  run.lock();
  // Checked again: a live run may have made its first checkpoint meanwhile.
  if (is_left_over && is_without_checkpoint(run.path_)) remove_all_but_lock(run.path_);
  check_empty();  // again: another process may have made its run between the check and the lock
  make_folder(checkpoints_of(run.path_));
  make_folder(run.videos());
  sync_folder(run.path_);
  sync_folder(run.path_.has_parent_path() ? run.path_.parent_path() : fs::path("."));
  return run;
}

RunDirectory RunDirectory::open(const fs::path& path, Access access) {
  RunDirectory run(tidy(path));
  std::error_code error;
  const fs::file_status status = fs::status(run.path_, error);
  if (!fs::exists(status)) fail_no_run(run.path_);
  REVERIE_CHECK(fs::is_directory(status), "{}: is not a folder, expected the folder of a run",
                run.path_.string());
  REVERIE_CHECK(fs::is_regular_file(run.config_file(), error),
                "{}: has no config.toml, so it is not the folder of a run", run.path_.string());
  if (access == Access::kWrite) run.lock();
  run.latest_checkpoint();
  if (access == Access::kWrite) {
    remove_leftovers(run.path_);
    remove_leftovers(checkpoints_of(run.path_));
  }
  return run;
}

void RunDirectory::lock() {
  const fs::path file = path_ / kLockName;
  lock_ = FileDescriptor(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666));
  REVERIE_CHECK_RUN(lock_.is_open(), "{}: cannot write to the folder: {}", path_.string(),
                    std::generic_category().message(errno));
  if (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) {
      const std::string holder = shown(read_file(file, 64));
      fail_run("{}: {} is training in this folder. Stop it first, or choose another folder",
               path_.string(),
               holder.empty() ? "another process" : fmt::format("process {}", holder));
    }
    REVERIE_CHECK_RUN(errno == ENOSYS || errno == EOPNOTSUPP || errno == ENOLCK,
                      "{}: cannot lock: {}", file.string(), std::generic_category().message(errno));
  }
  const std::string pid = std::to_string(::getpid());
  REVERIE_CHECK_RUN(
      ::ftruncate(lock_.get(), 0) == 0 &&
          ::pwrite(lock_.get(), pid.data(), pid.size(), 0) == static_cast<ssize_t>(pid.size()),
      "{}: cannot write: {}", file.string(), std::generic_category().message(errno));
  writable_ = true;
}

StagedCheckpoint RunDirectory::new_checkpoint(int64_t step) const {
  REVERIE_CHECK(writable_, "{}: is open for reading, no checkpoint can be made", path_.string());
  REVERIE_CHECK(step >= 0, "{}: a checkpoint of step {}, expected 0 or more", path_.string(), step);
  return {path_, step};
}

CheckpointFolder RunDirectory::latest_checkpoint() const {
  // A writer may publish and remove checkpoints between two reads.
  for (int tries = 1; tries < kTries; ++tries) {
    try {
      return find_latest();
    } catch (const Error&) {
    }
  }
  return find_latest();
}

CheckpointFolder RunDirectory::find_latest() const {
  const std::vector<CheckpointFolder> all = checkpoints();
  const fs::path file = path_ / "latest";
  std::error_code error;
  const bool named = fs::exists(fs::symlink_status(file, error));
  REVERIE_CHECK(named || !all.empty(),
                "{}: has no checkpoint yet, so it cannot be continued. Start the run again",
                path_.string());
  std::vector<std::string> names;
  for (const CheckpointFolder& checkpoint : all) names.push_back(checkpoint.path.filename());
  const std::string advice =
      names.empty()
          ? "There are no checkpoints"
          : fmt::format("Write the name of one into that file. There are: {}", some_of(names));
  REVERIE_CHECK(named, "{}: is missing. {}", file.string(), advice);

  std::string name = read_file(file, 4096);
  while (!name.empty() && (name.back() == '\n' || name.back() == '\r' || name.back() == ' ')) {
    name.pop_back();
  }
  const std::optional<int64_t> step = checkpoint_step(name);
  REVERIE_CHECK(step, "{}: holds '{}', expected the name of a checkpoint like {}. {}",
                file.string(), shown(name), checkpoint_name(50000), advice);
  const auto found = std::ranges::find(all, *step, &CheckpointFolder::step);
  REVERIE_CHECK(found != all.end(), "{}: names {}, which is not in {}. {}", file.string(), name,
                checkpoints_of(path_).string(), advice);
  return *found;
}

std::vector<CheckpointFolder> RunDirectory::checkpoints() const { return list_checkpoints(path_); }

CheckpointFolder RunDirectory::checkpoint(const std::string& which) const {
  if (which == "latest") return latest_checkpoint();
  const bool has_best = fs::is_directory(best());
  if (which == "best") {
    REVERIE_CHECK(
        has_best,
        "{}: has no best checkpoint; training keeps one if it evaluates (--evaluate-every)",
        path_.string());
    return {-1, best()};
  }
  const std::vector<CheckpointFolder> all = checkpoints();
  std::vector<std::string> names = {"latest"};
  if (has_best) names.emplace_back("best");
  for (const CheckpointFolder& each : all) {
    if (std::to_string(each.step) == which) return each;
    names.push_back(std::to_string(each.step));
  }
  fail_unknown_name("checkpoint", which, names, path_.string());
}

void RunDirectory::replace_best(const std::function<void(const fs::path& folder)>& write) const {
  REVERIE_CHECK(writable_, "{}: is open for reading, no checkpoint can be made", path_.string());
  const fs::path staging = temporary_sibling(best());
  make_folder(staging);
  try {
    write(staging);
    commit_directory(staging, best());
  } catch (...) {
    std::error_code ignored;
    fs::remove_all(staging, ignored);
    throw;
  }
}

void copy_policy(const RunDirectory& run, const std::string& which, const fs::path& to) {
  const CheckpointFolder chosen = run.checkpoint(which);
  const fs::path staging = temporary_sibling(to);
  make_folder(staging);
  try {
    const fs::path folder = checkpoints_of(staging) / chosen.path.filename();
    fs::create_directories(folder);
    fs::copy(run.config_file(), staging);
    if (fs::exists(run.path() / "files")) {
      fs::copy(run.path() / "files", staging / "files", fs::copy_options::recursive);
    }
    for (const char* name : {"model.safetensors", "state.json"}) {
      fs::copy(chosen.path / name, folder);
    }
    write_file_atomically(staging / "latest", chosen.path.filename().string() + "\n");
    commit_directory(staging, to);
  } catch (const fs::filesystem_error& error) {
    std::error_code ignored;
    fs::remove_all(staging, ignored);
    fail_run("{}: cannot be copied to {}: {}", run.path().string(), to.string(), error.what());
  } catch (...) {
    std::error_code ignored;
    fs::remove_all(staging, ignored);
    throw;
  }
}

}  // namespace reverie
