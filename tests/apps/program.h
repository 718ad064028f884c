#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/types.h>

#include "tests/temporary_folder.h"

namespace reverie::test {

using Arguments = std::vector<std::string>;

struct ProgramOptions {
  std::filesystem::path folder;                // working directory
  std::filesystem::path standard_output = {};  // "" = kept for Finished::out
  int64_t max_file_bytes = -1;                 // RLIMIT_FSIZE with SIGXFSZ ignored; -1 = none
};

// How a program ended and what it said.
struct Finished {
  int status = -1;  // exit status, or 128 + the signal that killed it
  std::string out;
  std::string err;
};

// The reverie binary as a child process. It is killed if the object is destroyed before the process
// has ended.
class Program {
 public:
  Program(const Arguments& arguments, const ProgramOptions& options);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  pid_t pid() const { return pid_; }
  void send(int signal) const;

  // Waits for the end. Kills the program and fails the test after two minutes.
  Finished finish();

 private:
  pid_t pid_ = -1;
  std::filesystem::path notes_;  // folder with what it wrote
  ProgramOptions options_;
};

// The arguments, then `more`.
Arguments with(Arguments arguments, const Arguments& more);

// Runs to the end in that working directory.
Finished run(const std::filesystem::path& folder, const Arguments& arguments);

// Tests that run the program in a folder of their own.
class ProgramTest : public testing::Test {
 protected:
  // Runs the program and expects success.
  Finished good(const Arguments& arguments) const;

  std::filesystem::path at(const std::string& name) const { return folder_ / name; }

  // The last value of a column of a run's log. Fails the test when there is none.
  double logged(const std::string& run, const std::string& column) const;

  TemporaryFolder folder_;
};

// Runs a wrong command: expects the exit status, a message `reverie: ...` on stderr that contains
// each of `messages`, nothing on stdout, and an unchanged folder.
void expect_refusal(const std::filesystem::path& folder, const Arguments& arguments,
                    const std::vector<std::string>& messages, int status = 2);

// `train` with networks and episodes so small that hundreds of steps take a second, then `more`.
Arguments tiny_training(const std::string& run, int64_t steps, const Arguments& more = {});

// Likewise for a world model of 16 x 16 pictures that learns in blocks of two actions. length:
// updates if `more` names a dataset, else steps.
Arguments tiny_world_model(const std::string& run, int64_t length, const Arguments& more = {});

// The whole file. Fails the test when it cannot be read.
std::string content(const std::filesystem::path& file);
void write(const std::filesystem::path& file, const std::string& text);

// Replaces the first match of a regular expression. Fails the test when there is none.
void edit(const std::filesystem::path& file, const std::string& pattern, const std::string& text);

// Every file below the folder with its content, as one text: equal before and after means nothing
// was left or lost. Locks are left out: they name the last process.
std::string everything_below(const std::filesystem::path& folder);

// The folder of the checkpoint that `latest` names; "" before there is one.
std::filesystem::path latest_checkpoint(const std::filesystem::path& run);

// Waits until a training program has published a checkpoint beyond `step`. Fails the test after a
// minute.
void wait_for_checkpoint(const std::filesystem::path& run, int64_t step = 0);

}  // namespace reverie::test
