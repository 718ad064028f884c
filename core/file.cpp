#include "core/file.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <mutex>
#include <set>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/hash.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTemporaryPrefix = ".reverie-tmp-";
constexpr size_t kGatherBytes = size_t{1} << 20;
constexpr int kMostLinks = 40;  // links followed in a row, as in Linux

[[noreturn]] void fail_system(const fs::path& path, std::string_view what, int error) {
  fail_run("{}: cannot {}: {}", path.string(), what, std::generic_category().message(error));
}

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

// 0, or the errno of the first failure.
int write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return errno;
    }
    if (written == 0) return EIO;
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return 0;
}

void sync_or_fail(int fd, const fs::path& path) {
  while (::fsync(fd) != 0) {
    if (errno != EINTR) fail_system(path, "sync to disk", errno);
  }
}

// Syncs a file or folder that this process does not hold open.
void sync_path(const fs::path& path, int flags) {
  const FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | flags));
  if (!fd.is_open()) fail_system(path, "open to sync it", errno);
  sync_or_fail(fd.get(), path);
}

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) ::close(fd_);
}

std::string read_file(const fs::path& path, size_t max_bytes) {
  // O_NONBLOCK: opening a pipe that nobody writes to would hang.
  const FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.is_open()) {
    fail_input("{}: cannot read: {}", path.string(), std::generic_category().message(errno));
  }
  struct stat status = {};
  if (::fstat(fd.get(), &status) != 0) fail_system(path, "read", errno);
  REVERIE_CHECK(!S_ISDIR(status.st_mode), "{}: is a folder, expected a file", path.string());
  REVERIE_CHECK(S_ISREG(status.st_mode), "{}: is not a regular file", path.string());
  const auto check_size = [&](size_t size) {
    REVERIE_CHECK(size <= max_bytes, "{}: has {} bytes, expected at most {}", path.string(), size,
                  max_bytes);
  };
  check_size(static_cast<size_t>(status.st_size));

  // The size may be 0 (files of /proc) or change while we read: read to the end, and at least one
  // byte past the stated size.
  std::string content;
  size_t used = 0;
  size_t room = static_cast<size_t>(status.st_size) + 1;
  while (true) {
    content.resize(used + room);
    const ssize_t count = ::read(fd.get(), content.data() + used, room);
    if (count < 0) {
      if (errno == EINTR) continue;
      fail_input("{}: cannot read: {}", path.string(), std::generic_category().message(errno));
    }
    if (count == 0) break;
    used += static_cast<size_t>(count);
    check_size(used);
    room = std::max<size_t>(content.size() - used, 4096);
  }
  content.resize(used);
  return content;
}

AtomicFile::AtomicFile(fs::path path) : path_(std::move(path)), target_(follow_links(path_)) {
  struct stat status = {};
  const bool exists = ::stat(target_.c_str(), &status) == 0;
  REVERIE_CHECK(!exists || !S_ISDIR(status.st_mode), "{}: is a folder, expected a file name",
                path_.string());
  // Renaming over /dev/null would put a file in the device's place.
  REVERIE_CHECK(!exists || S_ISREG(status.st_mode),
                "{}: is not a regular file, so it cannot be replaced", path_.string());
  do {
    temporary_ = temporary_sibling(target_);
    fd_ = FileDescriptor(::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  } while (!fd_.is_open() && errno == EEXIST);
  if (!fd_.is_open()) fail_system(path_, "write", errno);
  // A file system without permissions has none to keep, so this is no failure.
  if (exists) ::fchmod(fd_.get(), status.st_mode & 0777U);
}

AtomicFile::~AtomicFile() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::write(std::string_view bytes) {
  if (pending_.size() + bytes.size() > kGatherBytes) flush();
  if (bytes.size() > kGatherBytes) {
    if (const int error = write_all(fd_.get(), bytes)) fail_system(path_, "write", error);
  } else {
    pending_ += bytes;
  }
}

void AtomicFile::write(std::span<const std::byte> bytes) { write(as_text(bytes)); }

void AtomicFile::flush() {
  if (const int error = write_all(fd_.get(), pending_)) fail_system(path_, "write", error);
  pending_.clear();
}

void AtomicFile::commit() {
  flush();
  sync_or_fail(fd_.get(), path_);
  // Network file systems report an exceeded quota only here.
  if (::close(fd_.release()) != 0) fail_system(path_, "close", errno);
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) fail_system(path_, "rename", errno);
  temporary_.clear();
  sync_folder(folder_of(target_));
}

void write_file_atomically(const fs::path& path, std::string_view bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

void write_file_atomically(const fs::path& path, std::span<const std::byte> bytes) {
  write_file_atomically(path, as_text(bytes));
}

AppendFile::AppendFile(fs::path path) : path_(std::move(path)) {
  fd_ = FileDescriptor(
      ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0666));
  if (!fd_.is_open()) fail_system(path_, "open for appending", errno);
  struct stat status = {};
  if (::fstat(fd_.get(), &status) != 0) fail_system(path_, "open for appending", errno);
  size_ = status.st_size;
}

void AppendFile::append(std::string_view record) {
  if (const int error = write_all(fd_.get(), record)) {
    // Removes the part that was written. A device cannot be truncated and needs no truncation.
    [[maybe_unused]] const int ignored = ::ftruncate(fd_.get(), size_);
    fail_system(path_, "append", error);
  }
  size_ += static_cast<int64_t>(record.size());
}

void AppendFile::truncate(int64_t size) {
  REVERIE_CHECK(size >= 0 && size <= size_, "{}: cannot cut to {} bytes, it has {}", path_.string(),
                size, size_);
  if (::ftruncate(fd_.get(), size) != 0) fail_system(path_, "truncate", errno);
  size_ = size;
}

void AppendFile::sync() { sync_or_fail(fd_.get(), path_); }

void commit_directory(const fs::path& temporary, const fs::path& final) {
  const fs::path temporary_dir = without_trailing_slashes(temporary);
  const fs::path final_dir = without_trailing_slashes(final);
  std::error_code error;
  for (fs::recursive_directory_iterator entry(temporary_dir, error), end; !error && entry != end;
       entry.increment(error)) {
    const fs::file_type type = entry->symlink_status(error).type();
    if (type == fs::file_type::regular) sync_path(entry->path(), 0);
    if (type == fs::file_type::directory) sync_path(entry->path(), O_DIRECTORY);
  }
  if (error) fail_system(temporary_dir, "list", error.value());
  sync_path(temporary_dir, O_DIRECTORY);

  struct stat status = {};
  const bool exists = ::lstat(final_dir.c_str(), &status) == 0;
  fs::path old = temporary_dir;
  if (!exists) {
    if (::rename(temporary_dir.c_str(), final_dir.c_str()) != 0) {
      fail_system(final_dir, "rename", errno);
    }
  } else if (::renameat2(AT_FDCWD, temporary_dir.c_str(), AT_FDCWD, final_dir.c_str(),
                         RENAME_EXCHANGE) != 0) {
    if (errno != EINVAL && errno != ENOSYS) fail_system(final_dir, "exchange", errno);
    old = temporary_sibling(final_dir);
    if (::rename(final_dir.c_str(), old.c_str()) != 0) fail_system(final_dir, "rename", errno);
    if (::rename(temporary_dir.c_str(), final_dir.c_str()) != 0) {
      const int reason = errno;
      ::rename(old.c_str(), final_dir.c_str());
      fail_system(final_dir, "rename", reason);
    }
  }
  sync_folder(folder_of(final_dir));
  if (!exists) return;
  fs::remove_all(old, error);
  if (error) fail_system(old, "remove", error.value());
}

void sync_folder(const fs::path& folder) {
  const FileDescriptor fd(::open(folder.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECTORY));
  if (!fd.is_open()) fail_system(folder, "open to sync it", errno);
  sync_or_fail(fd.get(), folder);
}

fs::path without_trailing_slashes(const fs::path& path) {
  std::string text = path.string();
  while (text.size() > 1 && text.back() == '/') text.pop_back();
  return text;
}

fs::path follow_links(const fs::path& path) {
  fs::path target = path;
  std::error_code error;
  for (int links = 0; fs::is_symlink(fs::symlink_status(target, error)); ++links) {
    REVERIE_CHECK(links < kMostLinks, "{}: is a symbolic link that leads in a circle",
                  path.string());
    const fs::path next = fs::read_symlink(target, error);
    if (error) fail_system(path, "follow the link", error.value());
    target = folder_of(target) / next;  // an absolute link replaces the folder
  }
  return target;
}

namespace {

// Tells the processes that this one can see from those of other machines and containers that share
// the file system: a number of the system's start and of the space of process ids.
std::string process_space() {
  std::string text;
  std::ifstream boot("/proc/sys/kernel/random/boot_id");
  std::getline(boot, text);
  std::error_code error;
  text += fs::read_symlink("/proc/self/ns/pid", error).string();
  Fnv1a hash;
  hash.add(text);
  return fmt::format("{:08x}", static_cast<uint32_t>(hash.value()));
}

// What names of unfinished files of this space begin with; then follow "PID-NUMBER".
const std::string& space_prefix() {
  static const std::string prefix = fmt::format("{}{}-", kTemporaryPrefix, process_space());
  return prefix;
}

// Whether the name is that of an unfinished file of this space whose process is no more.
bool is_of_the_dead(const std::string& name) {
  const std::string& space = space_prefix();
  if (!name.starts_with(space)) return false;
  pid_t pid = 0;
  const char* begin = name.data() + space.size();
  const auto [end, error] = std::from_chars(begin, name.data() + name.size(), pid);
  return error == std::errc() && *end == '-' && pid > 0 && ::kill(pid, 0) != 0 && errno == ESRCH;
}

// What cannot be removed stays: whoever needs the folder will learn why it cannot be written.
void bury_once(const fs::path& folder) {
  static std::mutex mutex;
  static std::set<fs::path> buried;
  const std::lock_guard<std::mutex> lock(mutex);
  std::error_code error;
  if (!buried.insert(fs::absolute(folder, error)).second) return;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code ignored;
    if (is_of_the_dead(entry->path().filename().string())) fs::remove_all(entry->path(), ignored);
  }
}

}  // namespace

fs::path temporary_sibling(const fs::path& path) {
  static std::atomic<uint64_t> counter{0};
  const fs::path folder = folder_of(path);
  bury_once(folder);
  return folder / fmt::format("{}{}-{}", space_prefix(), ::getpid(), counter++);
}

bool is_temporary_sibling(const fs::path& path) {
  return path.filename().string().starts_with(kTemporaryPrefix);
}

void remove_leftovers(const fs::path& folder) {
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (is_temporary_sibling(entry->path())) {
      fs::remove_all(entry->path(), error);
      if (error) fail_system(entry->path(), "remove", error.value());
    }
  }
  if (error) fail_system(folder, "list", error.value());
}

}  // namespace reverie
