#include "core/file.h"

#include <csignal>
#include <fstream>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/errors.h"
#include "tests/temporary_folder.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::TemporaryFolder;
using testing::AllOf;
using testing::HasSubstr;

std::string content(const fs::path& path) { return read_file(path, 1 << 24); }

size_t count_entries(const fs::path& folder) {
  return static_cast<size_t>(std::distance(fs::directory_iterator(folder), {}));
}

// While it exists, a file cannot grow beyond `bytes`, which to write() looks like a full disk.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : old_handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &old_);
    const rlimit limit{bytes, old_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &old_);
    std::signal(SIGXFSZ, old_handler_);
  }

 private:
  void (*old_handler_)(int);
  rlimit old_{};
};

// Root may write anywhere, so the test drops that right for a while.
class WithoutPrivileges {
 public:
  WithoutPrivileges() : was_(geteuid()) {
    if (was_ == 0 && seteuid(65534) != 0) ADD_FAILURE() << "cannot give up root's rights";
  }
  ~WithoutPrivileges() {
    if (seteuid(was_) != 0) std::abort();
  }

 private:
  uid_t was_;
};

TEST(WriteFileAtomically, MakesAndReplaces) {
  const TemporaryFolder folder;
  const fs::path path = folder / "a.txt";
  write_file_atomically(path, std::string_view("first, and longer"));
  EXPECT_EQ(content(path), "first, and longer");
  write_file_atomically(path, std::string("sec\0nd", 6));
  EXPECT_EQ(content(path), std::string("sec\0nd", 6));
  const std::byte bytes[] = {std::byte{0xff}, std::byte{0}};
  write_file_atomically(path, std::span<const std::byte>(bytes));
  EXPECT_EQ(content(path), std::string("\xff\0", 2));
  EXPECT_EQ(count_entries(folder.path()), 1U);
}

TEST(WriteFileAtomically, TakesANameWithoutAFolderAndTheLongestName) {
  const TemporaryFolder folder;
  const fs::path old = fs::current_path();
  fs::current_path(folder.path());
  const std::string longest(255, 'x');
  write_file_atomically(longest, std::string_view("here"));
  fs::current_path(old);
  EXPECT_EQ(content(folder / longest), "here");
}

TEST(WriteFileAtomically, KeepsTheOldFileWhenTheDiskIsFull) {
  const TemporaryFolder folder;
  const fs::path path = folder / "weights.bin";
  write_file_atomically(path, std::string_view("old"));
  for (const size_t size : {size_t{5000}, size_t{3} << 20}) {
    const auto [message, kind] = error_of([&] {
      const FileSizeLimit limit(4096);
      write_file_atomically(path, std::string(size, 'x'));
    });
    EXPECT_THAT(message, AllOf(HasSubstr(path.string()), HasSubstr("File too large"))) << size;
    EXPECT_EQ(kind, ErrorKind::kRun);
  }
  EXPECT_EQ(content(path), "old");
  EXPECT_EQ(count_entries(folder.path()), 1U);
}

TEST(WriteFileAtomically, NamesMissingFoldersAndPermissions) {
  const TemporaryFolder folder;
  const fs::path orphan = folder / "none" / "a.txt";
  auto [message, kind] = error_of([&] { write_file_atomically(orphan, std::string_view("x")); });
  EXPECT_THAT(message, AllOf(HasSubstr(orphan.string()), HasSubstr("No such file or directory")));
  EXPECT_EQ(kind, ErrorKind::kRun);

  const fs::path path = folder / "a.txt";
  write_file_atomically(path, std::string_view("old"));
  chmod(folder.path().c_str(), 0555);
  std::tie(message, kind) = error_of([&] {
    const WithoutPrivileges nobody;
    write_file_atomically(path, std::string_view("new"));
  });
  chmod(folder.path().c_str(), 0755);
  EXPECT_THAT(message, AllOf(HasSubstr(path.string()), HasSubstr("Permission denied")));
  EXPECT_EQ(kind, ErrorKind::kRun);
  EXPECT_EQ(content(path), "old");
}

TEST(WriteFileAtomically, WritesWhereALinkLeads) {
  const TemporaryFolder folder;
  fs::create_directory(folder / "store");
  write_file_atomically(folder / "store/target", std::string_view("old"));
  fs::create_symlink("store/target", folder / "near");
  fs::create_symlink(folder / "near", folder / "link");  // a relative one behind an absolute one
  fs::create_symlink("store/missing", folder / "early");
  fs::create_symlink("circle", folder / "circle");
  write_file_atomically(folder / "link", std::string_view("new"));
  EXPECT_TRUE(fs::is_symlink(folder / "link"));
  EXPECT_TRUE(fs::is_symlink(folder / "near"));
  EXPECT_EQ(content(folder / "store/target"), "new");
  write_file_atomically(folder / "early", std::string_view("made"));
  EXPECT_TRUE(fs::is_symlink(folder / "early"));
  EXPECT_EQ(content(folder / "store/missing"), "made");
  EXPECT_EQ(count_entries(folder / "store"), 2U);
  EXPECT_THAT(
      error_of([&] { write_file_atomically(folder / "circle", std::string_view("x")); }).first,
      HasSubstr("circle"));
}

TEST(WriteFileAtomically, RefusesWhatIsNoFile) {
  const TemporaryFolder folder;
  mkfifo((folder / "pipe").c_str(), 0600);
  fs::create_directory(folder / "sub");
  fs::create_symlink("/dev/null", folder / "null");
  for (const char* name : {"pipe", "sub", "null"}) {
    const auto [message, kind] =
        error_of([&] { write_file_atomically(folder / name, std::string_view("x")); });
    EXPECT_THAT(message, HasSubstr((folder / name).string()));
    EXPECT_EQ(kind, ErrorKind::kInput);
  }
}

TEST(WriteFileAtomically, KeepsPermissions) {
  const TemporaryFolder folder;
  const fs::path path = folder / "private";
  write_file_atomically(path, std::string_view("a"));
  chmod(path.c_str(), 0600);
  write_file_atomically(path, std::string_view("b"));
  struct stat status = {};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST(AtomicFile, AppearsOnlyWithCommit) {
  const TemporaryFolder folder;
  const fs::path path = folder / "a.bin";
  const std::string large(3 << 20, 'L');
  {
    AtomicFile abandoned(path);
    abandoned.write(large);
    EXPECT_FALSE(fs::exists(path));
  }
  EXPECT_EQ(count_entries(folder.path()), 0U);
  AtomicFile file(path);
  file.write(std::string_view("head"));
  file.write(large);
  file.write(std::string_view("tail"));
  EXPECT_FALSE(fs::exists(path));
  file.commit();
  EXPECT_EQ(content(path), "head" + large + "tail");
  EXPECT_EQ(count_entries(folder.path()), 1U);
}

TEST(ReadFile, RefusesWhatIsNoReadableFile) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "ten", std::string(10, 'x'));
  mkfifo((folder / "pipe").c_str(), 0600);
  EXPECT_EQ(read_file(folder / "ten", 10), std::string(10, 'x'));
  const std::pair<fs::path, std::string> cases[] = {{folder / "none", "No such file"},
                                                    {folder.path(), "is a folder"},
                                                    {folder / "pipe", "not a regular file"},
                                                    {"/dev/zero", "not a regular file"}};
  for (const auto& [path, reason] : cases) {
    const auto [message, kind] = error_of([&] { read_file(path, 100); });
    EXPECT_THAT(message, AllOf(HasSubstr(path.string()), HasSubstr(reason)));
    EXPECT_EQ(kind, ErrorKind::kInput);
  }
  EXPECT_THAT(error_of([&] { read_file(folder / "ten", 9); }).first,
              HasSubstr("has 10 bytes, expected at most 9"));
}

TEST(ReadFile, BoundsAFileWhoseSizeIsNotStated) {
  EXPECT_THAT(read_file("/proc/self/status", 1 << 20), HasSubstr("VmRSS"));
  EXPECT_THROW(read_file("/proc/self/status", 20), Error);
}

TEST(AppendFile, AppendsAndCuts) {
  const TemporaryFolder folder;
  const fs::path path = folder / "log";
  {
    AppendFile log(path);
    log.append("one\n");
    log.append("two\n");
    EXPECT_EQ(content(path), "one\ntwo\n");  // nothing is held back
  }
  AppendFile log(path);
  EXPECT_EQ(log.size(), 8);
  log.truncate(4);
  log.append("three\n");
  log.sync();
  EXPECT_EQ(content(path), "one\nthree\n");
  EXPECT_THROW(log.truncate(11), Error);
  EXPECT_THROW(log.truncate(-1), Error);
}

TEST(AppendFile, TakesBackARecordThatDidNotFit) {
  const TemporaryFolder folder;
  const fs::path path = folder / "log";
  AppendFile log(path);
  log.append(std::string(90, 'a') + "\n");
  {
    const FileSizeLimit limit(100);
    const auto [message, kind] = error_of([&] { log.append(std::string(20, 'b') + "\n"); });
    EXPECT_THAT(message, AllOf(HasSubstr(path.string()), HasSubstr("File too large")));
    EXPECT_EQ(kind, ErrorKind::kRun);
  }
  log.append("c\n");
  EXPECT_EQ(content(path), std::string(90, 'a') + "\nc\n");
  EXPECT_EQ(log.size(), 93);
}

TEST(AppendFile, ReportsAFullDevice) {
  AppendFile full("/dev/full");
  const auto [message, kind] = error_of([&] { full.append("x\n"); });
  EXPECT_THAT(message, AllOf(HasSubstr("/dev/full"), HasSubstr("No space left on device")));
  EXPECT_EQ(kind, ErrorKind::kRun);
}

TEST(AppendFile, RefusesALink) {
  const TemporaryFolder folder;
  fs::create_symlink(folder / "target", folder / "link");
  EXPECT_THROW(AppendFile(folder / "link"), Error);
  EXPECT_FALSE(fs::exists(folder / "target"));
}

TEST(CommitDirectory, MovesAndExchanges) {
  const TemporaryFolder folder;
  const fs::path final_dir = folder / "final";
  for (const std::string version : {"1", "2"}) {
    const fs::path staging = temporary_sibling(final_dir);
    fs::create_directories(staging / "sub");
    write_file_atomically(staging / "sub" / "file", version);
    commit_directory(fs::path(staging.string() + "/"), fs::path(final_dir.string() + "//"));
    EXPECT_EQ(content(final_dir / "sub" / "file"), version);
    EXPECT_EQ(count_entries(folder.path()), 1U);
  }
  EXPECT_EQ(error_of([&] { commit_directory(folder / "none", final_dir); }).second,
            ErrorKind::kRun);
  EXPECT_EQ(content(final_dir / "sub" / "file"), "2");
}

// A process that makes an unfinished file in the folder and, if it shall live, waits to be killed.
pid_t leave_unfinished(const fs::path& folder, bool lives) {
  int ready[2];
  EXPECT_EQ(::pipe(ready), 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    std::ofstream(temporary_sibling(folder / "film.mp4")) << "half";
    [[maybe_unused]] const ssize_t told = ::write(ready[1], "x", 1);
    if (lives) ::pause();
    ::_exit(0);
  }
  char byte = 0;
  EXPECT_EQ(::read(ready[0], &byte, 1), 1);
  ::close(ready[0]);
  ::close(ready[1]);
  if (!lives) ::waitpid(pid, nullptr, 0);
  return pid;
}

TEST(TemporarySibling, OfAKilledProcessIsRemovedByTheNextOneOnly) {
  const TemporaryFolder folder;
  const pid_t dead = leave_unfinished(folder.path(), false);
  const pid_t living = leave_unfinished(folder.path(), true);
  // A process of that number is no more here, but may live there.
  const std::string elsewhere = ".reverie-tmp-00000000-" + std::to_string(dead) + "-0";
  std::ofstream(folder / elsewhere) << "of another machine";
  std::ofstream(folder / "film.mp4") << "old";
  const auto names = [&] {
    std::set<std::string> found;
    for (const auto& entry : fs::directory_iterator(folder.path())) {
      found.insert(entry.path().filename().string());
    }
    return found;
  };
  EXPECT_EQ(names().size(), 3U) << "the living process has removed what the dead one left";
  leave_unfinished(folder.path(), false);
  EXPECT_EQ(names().size(), 4U);
  temporary_sibling(folder / "a");
  EXPECT_EQ(names().size(), 3U);
  EXPECT_THAT(names(), testing::IsSupersetOf({elsewhere, std::string("film.mp4")}));
  ::kill(living, SIGKILL);
  ::waitpid(living, nullptr, 0);
}

TEST(RemoveLeftovers, RemovesOnlyTemporaryNames) {
  const TemporaryFolder folder;
  write_file_atomically(folder / ".hidden", std::string_view("x"));
  write_file_atomically(temporary_sibling(folder / "a"), std::string_view("x"));
  fs::create_directories(temporary_sibling(folder / "b") / "sub");
  EXPECT_NE(temporary_sibling(folder / "a"), temporary_sibling(folder / "a"));
  remove_leftovers(folder.path());
  EXPECT_EQ(count_entries(folder.path()), 1U);
  EXPECT_TRUE(fs::exists(folder / ".hidden"));
}

}  // namespace
}  // namespace reverie
