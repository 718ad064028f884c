#include "core/run_directory.h"

#include <csignal>
#include <fstream>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
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
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using Access = RunDirectory::Access;

constexpr const char* kFiles[] = {"model.safetensors", "optimizer.safetensors", "state.json"};

// The content of a checkpoint's file in this test: long enough for several writes, and different
// for every step and file.
std::string content_of(const std::string& file, int64_t step) {
  std::string text;
  for (int i = 0; i < 4000; ++i) text += fmt::format("{} {} {}\n", file, step, i);
  return text;
}

void save(const RunDirectory& run, int64_t step, int64_t keep = 0) {
  StagedCheckpoint checkpoint = run.new_checkpoint(step);
  for (const char* file : kFiles) {
    std::ofstream(checkpoint.path() / file) << content_of(file, step);
  }
  checkpoint.publish(keep);
}

RunDirectory make_run(const fs::path& path) {
  RunDirectory run = RunDirectory::create(path);
  write_file_atomically(run.config_file(), std::string_view("seed = 1\n"));
  return run;
}

std::vector<int64_t> steps(const fs::path& path) {
  std::vector<int64_t> found;
  for (const auto& checkpoint : RunDirectory::open(path, Access::kRead).checkpoints()) {
    found.push_back(checkpoint.step);
  }
  return found;
}

size_t count_entries(const fs::path& folder) {
  return static_cast<size_t>(std::distance(fs::directory_iterator(folder), {}));
}

// Runs `action` in a child process; the child's exit status is 0 when it returns, 1 when it throws.
template <typename Action>
pid_t in_child(Action&& action) {
  const pid_t child = fork();
  if (child == 0) {
    try {
      action();
    } catch (const std::exception& error) {
      fmt::print(stderr, "child: {}\n", error.what());
      _exit(1);
    }
    _exit(0);
  }
  return child;
}

TEST(RunDirectory, PublishesCheckpoints) {
  const TemporaryFolder folder;
  const fs::path path = folder / "runs" / "maze2d-umaze-ddpg-s1";
  const RunDirectory run = make_run(path / "");
  EXPECT_EQ(run.path(), path);
  EXPECT_TRUE(fs::is_directory(run.videos()));
  EXPECT_THAT(error_of([&] { run.latest_checkpoint(); }).first, HasSubstr("no checkpoint yet"));
  {
    StagedCheckpoint checkpoint = run.new_checkpoint(50000);
    write_file_atomically(checkpoint.path() / "state.json", std::string_view("{}"));
    EXPECT_EQ(checkpoint.path().parent_path(), path / "checkpoints");
    EXPECT_TRUE(run.checkpoints().empty());
    const CheckpointFolder published = checkpoint.publish();
    EXPECT_EQ(published.path, path / "checkpoints" / "step_000050000");
    EXPECT_THROW(checkpoint.publish(), Error);
  }
  EXPECT_EQ(read_file(path / "latest", 100), "step_000050000\n");
  EXPECT_EQ(read_file(run.latest_checkpoint().path / "state.json", 100), "{}");
  save(run, 12345678901);
  EXPECT_EQ(run.latest_checkpoint().path.filename(), "step_12345678901");
  EXPECT_EQ(run.latest_checkpoint().step, 12345678901);
  EXPECT_EQ(count_entries(path / "checkpoints"), 2U);
}

TEST(RunDirectory, AnAbandonedCheckpointLeavesNothing) {
  const TemporaryFolder folder;
  const RunDirectory run = make_run(folder / "run");
  save(run, 1);
  {
    const StagedCheckpoint first = run.new_checkpoint(2);
    write_file_atomically(first.path() / "state.json", std::string_view("{}"));
    EXPECT_EQ(count_entries(folder / "run" / "checkpoints"), 2U);
  }
  EXPECT_EQ(count_entries(folder / "run" / "checkpoints"), 1U);
  EXPECT_EQ(run.latest_checkpoint().step, 1);
}

TEST(RunDirectory, KeepsTheNewest) {
  const TemporaryFolder folder;
  const fs::path path = folder / "run";
  const RunDirectory run = make_run(path);
  for (const int64_t step : {10, 20, 30, 40}) save(run, step);
  EXPECT_THAT(steps(path), ElementsAre(10, 20, 30, 40));
  save(run, 50, 3);
  EXPECT_THAT(steps(path), ElementsAre(30, 40, 50));
  save(run, 60, 1);
  EXPECT_THAT(steps(path), ElementsAre(60));
  EXPECT_EQ(count_entries(path / "checkpoints"), 1U);
  EXPECT_THROW(save(run, 70, -1), Error);
}

TEST(RunDirectory, AResumeFromAnOlderCheckpointDropsLaterOnesFirst) {
  const TemporaryFolder folder;
  const fs::path path = folder / "run";
  const RunDirectory run = make_run(path);
  for (const int64_t step : {10, 20, 30, 40}) save(run, step);
  write_file_atomically(path / "latest", std::string_view("step_000000020"));
  EXPECT_EQ(run.latest_checkpoint().step, 20);
  save(run, 25, 3);
  EXPECT_THAT(steps(path), ElementsAre(10, 20, 25));
  EXPECT_EQ(run.latest_checkpoint().step, 25);
}

TEST(RunDirectory, ReplacesACheckpointOfTheSameStep) {
  const TemporaryFolder folder;
  const RunDirectory run = make_run(folder / "run");
  save(run, 10);
  StagedCheckpoint again = run.new_checkpoint(10);
  write_file_atomically(again.path() / "other", std::string_view("new"));
  again.publish(1);
  EXPECT_EQ(read_file(run.latest_checkpoint().path / "other", 100), "new");
  EXPECT_FALSE(fs::exists(run.latest_checkpoint().path / "state.json"));
  EXPECT_EQ(count_entries(folder / "run" / "checkpoints"), 1U);
}

TEST(RunDirectory, CreateTakesWhatEndedBeforeItsFirstCheckpointAndNothingElse) {
  const TemporaryFolder folder;
  make_run(folder / "run");
  write_file_atomically(folder / "run/metrics.csv", std::string_view("step\n"));
  fs::create_directory(folder / "run/checkpoints/.tmp-1");
  RunDirectory::create(folder / "run");
  EXPECT_FALSE(fs::exists(folder / "run/metrics.csv"));
  EXPECT_FALSE(fs::exists(folder / "run/config.toml"));

  make_run(folder / "noted");
  write_file_atomically(folder / "noted/notes.txt", std::string_view("mine"));
  EXPECT_THROW(RunDirectory::create(folder / "noted"), Error);
  make_run(folder / "filmed");
  write_file_atomically(folder / "filmed/videos/a.mp4", std::string_view("mine"));
  EXPECT_THROW(RunDirectory::create(folder / "filmed"), Error);
  fs::create_directory(folder / "prepared");
  write_file_atomically(folder / "prepared/config.toml", std::string_view("mine"));
  EXPECT_THROW(RunDirectory::create(folder / "prepared"), Error);
  EXPECT_TRUE(fs::exists(folder / "prepared/config.toml"));
  const RunDirectory alive = make_run(folder / "alive");
  EXPECT_THAT(error_of([&] { RunDirectory::create(folder / "alive"); }).first,
              HasSubstr("is training in this folder"));
  EXPECT_TRUE(fs::exists(folder / "alive/config.toml"));
}

TEST(RunDirectory, CreateRefusesAFolderInUse) {
  const TemporaryFolder folder;
  fs::create_directory(folder / "empty");
  {
    const RunDirectory run = make_run(folder / "empty");
    EXPECT_TRUE(fs::exists(run.config_file()));
    save(run, 10);
  }
  auto [message, kind] = error_of([&] { RunDirectory::create(folder / "empty"); });
  EXPECT_THAT(message, AllOf(HasSubstr((folder / "empty").string() + ": exists and is not empty"),
                             HasSubstr("--resume"), HasSubstr("--run")));
  EXPECT_EQ(kind, ErrorKind::kInput);

  fs::create_directories(folder / "home" / "things");
  EXPECT_THROW(RunDirectory::create(folder / "home"), Error);
  EXPECT_EQ(count_entries(folder / "home"), 1U);  // not even a lock was left there

  write_file_atomically(folder / "file", std::string_view("x"));
  EXPECT_THAT(error_of([&] { RunDirectory::create(folder / "file"); }).first,
              HasSubstr("is not a folder"));
  EXPECT_THAT(error_of([&] { RunDirectory::create(folder / "file" / "run"); }).first,
              HasSubstr("Not a directory"));
  EXPECT_THROW(RunDirectory::create(""), Error);
}

TEST(RunDirectory, CreateChecksThatItMayWrite) {
  const TemporaryFolder folder;
  fs::create_directory(folder / "run");
  chmod(folder.path().c_str(), 0755);
  chmod((folder / "run").c_str(), 0555);
  const uid_t user = geteuid();
  if (user == 0) {
    ASSERT_EQ(seteuid(65534), 0);  // root may write anywhere
  }
  const auto [message, kind] = error_of([&] { RunDirectory::create(folder / "run"); });
  ASSERT_EQ(seteuid(user), 0);
  EXPECT_THAT(message, AllOf(HasSubstr((folder / "run").string()), HasSubstr("Permission denied")));
  EXPECT_EQ(kind, ErrorKind::kRun);
}

TEST(RunDirectory, OpenNamesWhatIsMissing) {
  const TemporaryFolder folder;
  const RunDirectory run = make_run(folder / "maze2d-umaze-ddpg-s1");
  auto [message, kind] =
      error_of([&] { RunDirectory::open(folder / "maze2d-umaze-ddgp-s1/", Access::kRead); });
  EXPECT_THAT(message, AllOf(HasSubstr("no such run folder"),
                             HasSubstr(fmt::format("did you mean '{}'",
                                                   (folder / "maze2d-umaze-ddpg-s1").string()))));
  EXPECT_EQ(kind, ErrorKind::kInput);
  EXPECT_THAT(error_of([&] { RunDirectory::open(folder / "none" / "run", Access::kRead); }).first,
              HasSubstr("no such run folder"));
  EXPECT_THAT(error_of([&] { RunDirectory::open(folder.path(), Access::kRead); }).first,
              HasSubstr("no config.toml"));
  EXPECT_THAT(error_of([&] { RunDirectory::open(run.path(), Access::kRead); }).first,
              HasSubstr("no checkpoint yet"));
  EXPECT_THAT(error_of([&] { RunDirectory::open(run.config_file(), Access::kRead); }).first,
              HasSubstr("is not a folder"));
}

TEST(RunDirectory, LatestIsReadAsHostileText) {
  const TemporaryFolder folder;
  const fs::path path = folder / "run";
  const RunDirectory run = make_run(path);
  for (const int64_t step : {10, 20}) save(run, step);
  fs::create_directories(folder / "step_000000099");
  const std::string cases[] = {"",
                               "../../step_000000099",
                               "step_000000010/../../../step_000000099",
                               "/etc",
                               "step_10",
                               "step_-00000010",
                               "step_99999999999999999999999",
                               "step_0000000100",
                               "step_000000010\nstep_000000020",
                               std::string("step_000000010\0", 15),
                               "\x1b[2Jstep_000000010",
                               std::string(5000, 'x')};
  for (const std::string& text : cases) {
    write_file_atomically(path / "latest", text);
    const auto [message, kind] = error_of([&] { RunDirectory::open(path, Access::kRead); });
    EXPECT_THAT(message, HasSubstr((path / "latest").string())) << text;
    EXPECT_THAT(message, Not(HasSubstr("\x1b")));
    EXPECT_EQ(kind, ErrorKind::kInput);
  }
  write_file_atomically(path / "latest", std::string_view("step_000000099\n"));
  EXPECT_THAT(error_of([&] { run.latest_checkpoint(); }).first,
              AllOf(HasSubstr("names step_000000099, which is not in"),
                    HasSubstr("step_000000010, step_000000020")));
  fs::remove(path / "latest");
  EXPECT_THAT(error_of([&] { run.latest_checkpoint(); }).first,
              AllOf(HasSubstr("is missing"), HasSubstr("step_000000010, step_000000020")));
  write_file_atomically(path / "latest", std::string_view("step_000000010 \r\n"));
  EXPECT_EQ(run.latest_checkpoint().step, 10);
}

TEST(RunDirectory, ACopiedRunOpens) {
  const TemporaryFolder folder;
  const RunDirectory run = make_run(folder / "run");
  save(run, 10);
  fs::copy(folder / "run", folder / "copy", fs::copy_options::recursive);
  const RunDirectory copy = RunDirectory::open(folder / "copy", Access::kWrite);
  EXPECT_EQ(copy.latest_checkpoint().path, folder / "copy" / "checkpoints" / "step_000000010");
}

TEST(RunDirectory, OneProcessWrites) {
  const TemporaryFolder folder;
  const fs::path path = folder / "run";
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = in_child([&] {
    const RunDirectory run = make_run(path);
    save(run, 10);
    if (write(ready[1], "r", 1) == 1) pause();
  });
  char go = 0;
  ASSERT_EQ(read(ready[0], &go, 1), 1);
  const auto [message, kind] = error_of([&] { RunDirectory::open(path, Access::kWrite); });
  EXPECT_THAT(message,
              AllOf(HasSubstr(path.string()), HasSubstr(fmt::format("process {} ", child))));
  EXPECT_EQ(kind, ErrorKind::kRun);
  const RunDirectory reader = RunDirectory::open(path, Access::kRead);
  EXPECT_EQ(reader.latest_checkpoint().step, 10);
  EXPECT_THAT(error_of([&] { reader.new_checkpoint(20); }).first, HasSubstr("open for reading"));

  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  const RunDirectory writer = RunDirectory::open(path, Access::kWrite);
  save(writer, 20);
  EXPECT_EQ(reader.latest_checkpoint().step, 20);
  close(ready[0]);
  close(ready[1]);
}

TEST(RunDirectory, TwoProcessesCannotCreateTheSame) {
  const TemporaryFolder folder;
  for (int round = 0; round < 20; ++round) {
    const fs::path path = folder / fmt::format("run{}", round);
    // Each process keeps its lock until it is killed, so an early exit cannot hide a second
    // success.
    const auto compete = [&] {
      try {
        const RunDirectory run = RunDirectory::create(path);
        pause();
      } catch (const Error&) {
        _exit(7);
      }
    };
    const pid_t children[] = {in_child(compete), in_child(compete)};
    int status = 0;
    const pid_t loser = waitpid(-1, &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    const pid_t winner = loser == children[0] ? children[1] : children[0];
    kill(winner, SIGKILL);
    waitpid(winner, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status));
  }
}

// Resuming relies on this: whenever the process is killed, `latest` names a checkpoint whose files
// are complete and of one step.
TEST(RunDirectory, AKillAtAnyMomentLeavesACompleteCheckpoint) {
  const TemporaryFolder folder;
  const fs::path path = folder / "run";
  save(make_run(path), 0);
  std::mt19937 random(1);
  int unfinished = 0;
  int begun[2];
  ASSERT_EQ(pipe(begun), 0);
  for (int round = 0; round < 100; ++round) {
    const pid_t child = in_child([&] {
      const RunDirectory run = RunDirectory::open(path, Access::kWrite);
      // Half of the rounds save the same step repeatedly, which exchanges two folders.
      const int64_t first = run.latest_checkpoint().step;
      for (int64_t i = 1;; ++i) {
        save(run, round % 2 == 0 ? first + i : first, 2);
        if (i == 1 && write(begun[1], "x", 1) != 1) _exit(1);
      }
    });
    char byte = 0;  // a slow machine takes its time to the first save
    ASSERT_EQ(read(begun[0], &byte, 1), 1);
    usleep(1000 + random() % 60000);
    kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << status;

    const RunDirectory run = RunDirectory::open(path, Access::kRead);
    const CheckpointFolder latest = run.latest_checkpoint();
    EXPECT_EQ(count_entries(latest.path), std::size(kFiles));
    for (const char* file : kFiles) {
      ASSERT_EQ(read_file(latest.path / file, 1 << 20), content_of(file, latest.step))
          << latest.path;
    }
    // Every folder that looks like a checkpoint is one.
    for (const CheckpointFolder& checkpoint : run.checkpoints()) {
      EXPECT_EQ(count_entries(checkpoint.path), std::size(kFiles)) << checkpoint.path;
    }
    unfinished += count_entries(path / "checkpoints") > run.checkpoints().size() ? 1 : 0;
  }
  close(begun[0]);
  close(begun[1]);
  EXPECT_GT(unfinished, 10) << "the kills missed the writing: this test shows nothing";
  const RunDirectory run = RunDirectory::open(path, Access::kWrite);
  EXPECT_GE(run.latest_checkpoint().step, 50);  // one of each round of new steps at least
  // Kills between publishing and pruning leave older checkpoints, which the next complete save
  // removes.
  save(run, run.latest_checkpoint().step + 1, 2);
  EXPECT_LE(count_entries(path / "checkpoints"), 2U);
}

}  // namespace
}  // namespace reverie
