#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "core/error.h"

namespace reverie {

// Files that are complete or absent. Everything a run keeps is written through these functions, so
// a process killed at any moment, a full disk or a power cut leaves the old content or the new one,
// never a mixture. Failures of the system (disk full, permission) are Error(kRun) with the path and
// the system's message.

// Owns a POSIX file descriptor and closes it when destroyed; -1 is none.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  ~FileDescriptor();

  int get() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

// The whole content of a regular file. Throws Error(kInput) when it is missing, a folder, a pipe or
// a device, unreadable, or longer than max_bytes.
std::string read_file(const std::filesystem::path& path, size_t max_bytes);

// Replaces or creates the file: writes under a temporary name in the same folder, syncs, renames
// and syncs the folder. When anything fails the temporary file is removed, the old file stays and
// Error(kRun) is thrown. See AtomicFile for links and permissions.
void write_file_atomically(const std::filesystem::path& path, std::string_view bytes);
void write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> bytes);

// Likewise for content that comes in pieces. Nothing is at `path` before commit().
//
// A symbolic link at `path` stays: the file it points to is replaced, or created if it is missing.
// An existing file's permissions are kept.
class AtomicFile {
 public:
  // Opens the temporary file. Throws Error(kInput) when `path` is a folder, a pipe or a device, and
  // Error(kRun) when the folder is missing or cannot be written.
  // Also throws Error(kInput) for links that form a circle.
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();  // without commit(): removes the temporary file
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  // Appends; small pieces are buffered. Throws Error(kRun) when the disk is full.
  void write(std::string_view bytes);
  void write(std::span<const std::byte> bytes);

  // Makes the file appear, synced to disk. May be called once, and is the last call.
  void commit();

  const std::filesystem::path& path() const { return path_; }

 private:
  void flush();

  std::filesystem::path path_;
  std::filesystem::path target_;  // where the links at path_ lead
  std::filesystem::path temporary_;
  FileDescriptor fd_;
  std::string pending_;
};

// A log that is only appended to. Every append() is handed to the system before it returns, so what
// was appended survives the death of the process; sync() makes it survive a power cut. A symbolic
// link at the path is refused.
class AppendFile {
 public:
  // Opens the file, or creates it. Throws Error(kRun).
  explicit AppendFile(std::filesystem::path path);

  // Appends the whole record. When the disk is full, appends nothing and throws Error(kRun).
  void append(std::string_view record);

  // Removes everything from byte `size` on, 0 <= size <= size(). Throws Error(kRun).
  void truncate(int64_t size);

  void sync();
  int64_t size() const { return size_; }  // [bytes]
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  FileDescriptor fd_;
  int64_t size_ = 0;
};

// Makes a finished folder appear under its final name, on the same file system: syncs every file
// and folder in it, renames and syncs the parent. Where final_dir exists already, the two are
// exchanged in one system call and the old one is removed; on a file system without that call (some
// network ones) final_dir is absent for a moment. Slashes at the end of a path are ignored. A
// symbolic link at final_dir is replaced by the folder, because its target may lie on another file
// system, across which nothing can be renamed. Throws Error(kRun).
void commit_directory(const std::filesystem::path& temporary_dir,
                      const std::filesystem::path& final_dir);

// Syncs a folder's list of names, so that files created, renamed or removed in it stay so.
void sync_folder(const std::filesystem::path& folder);

// The path without the slashes at its end, which people and shells type after a folder's name; "/"
// stays. Required before a suffix or a sibling's name is made from a path ("PATH.partial").
std::filesystem::path without_trailing_slashes(const std::filesystem::path& path);

// The file that the symbolic links at `path` lead to, whether it exists or not; `path` itself if it
// is no link. Links in parent folders stay. Throws Error(kInput) for links that form a circle.
std::filesystem::path follow_links(const std::filesystem::path& path);

// A new name in the folder of `path` for an unfinished file or folder; nothing is created. The
// first call for a folder removes what killed processes of this machine left there under such
// names.
std::filesystem::path temporary_sibling(const std::filesystem::path& path);
bool is_temporary_sibling(const std::filesystem::path& path);  // judged by its name

// Removes what killed processes left directly in `folder` under names of temporary_sibling(). Call
// it only while no other process writes to the folder. Throws Error(kRun).
void remove_leftovers(const std::filesystem::path& folder);

}  // namespace reverie
