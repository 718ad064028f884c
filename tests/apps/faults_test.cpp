// Faults of the system around the program: closed streams, limits, kills at the wrong moment, a
// closed terminal, files of other users.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/apps/program.h"
#include "tests/temporary_folder.h"

namespace reverie::test {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

class Faults : public ProgramTest {
 protected:
  // Runs a shell command, in which $R is the program. Returns its exit status.
  int shell(const std::string& commands) {
    const std::string line = fmt::format("cd '{}' && R='{}' && ulimit -c 0 && {}",
                                         folder_.path().string(), REVERIE_BINARY, commands);
    return WEXITSTATUS(std::system(line.c_str()));  // NOLINT(cert-env33-c)
  }

  static std::vector<std::string> names_in(const fs::path& folder) {
    std::vector<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  // The loader of a large library runs before main().
  static void wait_until_it_catches(pid_t process, int signal) {
    for (int i = 0; i < 1000; ++i) {
      const std::string status = content(fmt::format("/proc/{}/status", process));
      const size_t at = status.find("SigCgt:");
      if (at != std::string::npos &&
          (std::stoull(status.substr(at + 7), nullptr, 16) >> (signal - 1) & 1U) != 0) {
        return;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    FAIL() << "it never caught signal " << signal;
  }
};

TEST_F(Faults, ClosedStreamsDamageNoFile) {
  const std::string collect =
      "\"$R\" collect --env maze2d-open --policy random --steps 20000 --max-steps 100 --threads 1 ";
  EXPECT_EQ(shell(collect + "--out d.h5 2>&-"), 0);
  EXPECT_EQ(shell(collect + "--out e.h5 <&- >&- 2>&-"), 0);
  good({"dataset", "validate", "d.h5"});
  good({"dataset", "validate", "e.h5"});
  std::string train = "\"$R\"";
  for (const std::string& word : tiny_training("r", 200)) train += " " + word;
  EXPECT_EQ(train.find("--quiet"), std::string::npos) << "it has messages";
  EXPECT_EQ(shell(train + " <&- >&- 2>&-"), 0);
  for (const auto& entry : fs::recursive_directory_iterator(at("r"))) {
    if (!entry.is_regular_file()) continue;
    EXPECT_THAT(content(entry.path()), Not(HasSubstr("evaluation over"))) << entry.path();
    EXPECT_THAT(content(entry.path()), Not(HasSubstr("done: "))) << entry.path();
  }
}

TEST_F(Faults, ALimitOfFileSizesEndsWithWords) {
  EXPECT_EQ(shell("ulimit -f 16 && \"$R\" collect --env maze2d-open --policy random --steps 20000 "
                  "--threads 1 --out d.h5 2>err"),
            1);
  EXPECT_THAT(content(at("err")), AllOf(HasSubstr("d.h5"), HasSubstr("File too large")));
  EXPECT_FALSE(fs::exists(at("d.h5")));
  EXPECT_FALSE(fs::exists(at("d.h5.partial")));
}

TEST_F(Faults, APipeThatNobodyReadsNeedsNoWords) {
  shell("(sleep 0.3; \"$R\" list factors car-racing 2>err; echo $? >status) | true");
  EXPECT_EQ(content(at("status")), "141\n");
  EXPECT_EQ(content(at("err")), "");
}

TEST_F(Faults, InterruptedCommandsLeaveNothingHalfWritten) {
  good({"collect", "--env", "maze2d-open", "--policy", "random", "--steps", "300000", "--max-steps",
        "10", "--threads", "1", "--out", "d.h5"});
  const std::vector<std::string> before = names_in(folder_.path());
  for (const Arguments& arguments : std::vector<Arguments>{
           {"evaluate", "random", "--env", "maze2d-open", "--episodes", "1000000"},
           {"render", "random", "--env", "maze2d-open", "--episodes", "10000", "--out", "v.mp4"},
           {"render", "random", "--env", "maze2d-open", "--episodes", "10000", "--out", "frames/"},
           {"dataset", "convert", "d.h5", "minari", "--format", "minari"},
           {"dataset", "merge", "d.h5", "d.h5", "--out", "two.h5"},
           {"bench", "envs", "maze2d-open", "--seconds", "1000"}}) {
    Program program(arguments, {.folder = folder_.path()});
    wait_until_it_catches(program.pid(), SIGINT);
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    program.send(SIGINT);
    const Finished result = program.finish();
    EXPECT_EQ(result.status, 130) << arguments[0] << " " << arguments[1] << "\n" << result.err;
    EXPECT_THAT(result.err, HasSubstr("reverie: interrupted"));
    EXPECT_EQ(names_in(folder_.path()), before) << arguments[0] << " " << arguments[1];
  }
}

TEST_F(Faults, ARunThatEndedBeforeItsFirstCheckpointStartsAgain) {
  good(tiny_training("r", 100));
  fs::remove_all(at("r/checkpoints"));
  fs::create_directory(at("r/checkpoints"));
  fs::remove(at("r/latest"));
  expect_refusal(folder_.path(), {"train", "--resume", "r"}, {"r: has no checkpoint yet"});
  good(tiny_training("r", 120));
  EXPECT_EQ(latest_checkpoint(at("r")).filename(), "step_000000120");
  // A folder with other files than a run's own stays.
  fs::remove_all(at("r/checkpoints"));
  fs::remove(at("r/latest"));
  write(at("r/notes.txt"), "mine");
  expect_refusal(folder_.path(), tiny_training("r", 120), {"r: exists and is not empty"});
}

TEST_F(Faults, AClosedTerminalSavesAsCtrlCDoes) {
  Program program(tiny_training("r", 1000000, {"--checkpoint-every", "100"}),
                  {.folder = folder_.path()});
  wait_for_checkpoint(at("r"));
  program.send(SIGHUP);
  const Finished result = program.finish();
  EXPECT_EQ(result.status, 130);
  EXPECT_THAT(result.err, HasSubstr("everything is saved"));
}

TEST_F(Faults, ARunAtItsEndHasNothingLeftToDo) {
  good(tiny_training("r", 100));
  const std::string before = everything_below(at("r"));
  EXPECT_THAT(good({"train", "--resume", "r"}).err,
              AllOf(HasSubstr("r: is finished at step 100"), HasSubstr("--steps N")));
  EXPECT_EQ(everything_below(at("r")), before);
  expect_refusal(folder_.path(), {"train", "--resume", "r", "--steps", "50"},
                 {"r: is already at step 100, beyond 50"});
}

TEST_F(Faults, ControlCharactersStayAwayFromTheTerminal) {
  write(at("c.toml"),
        "[run]\nenv = \"maze2d-open\"\nagent = \"ddpg\"\n[environment]\n"
        "grey = fal\033[2J\n");
  write(at("d.toml"), "[run]\nenv = \"maze\\u001b[2J\"\nagent = \"ddpg\"\n");
  for (const Arguments& arguments :
       {Arguments{"train", "--config", "c.toml"}, {"train", "--config", "d.toml"}, {"\033[2J"}}) {
    const Finished result = run(folder_.path(), arguments);
    EXPECT_EQ(result.status, 2);
    EXPECT_THAT(result.err, AllOf(Not(HasSubstr("\033")), HasSubstr("\\x1b")));
  }
}

TEST_F(Faults, ADivergedWorldModelIsNamedWithItsStep) {
  const Finished result = run(
      folder_.path(),
      tiny_world_model(
          "r", 400, {"--learning-starts", "200", "--log-every", "20", "--learning-rate", "1e30"}));
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.err, AllOf(ContainsRegex("at step [0-9]+; the checkpoint of step"),
                                Not(HasSubstr("frame #")), Not(HasSubstr("bug of Reverie"))));
  expect_refusal(folder_.path(), tiny_world_model("s", 400, {"--gradient-limit", "1e39"}),
                 {"--gradient-limit: found 1e+39"});
}

TEST_F(Faults, TooLittleMemoryIsOneMessageThatSaysWhatToLower) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer needs more address space than this test leaves";
#endif
  EXPECT_EQ(
      shell("ulimit -v 6000000 && \"$R\" train --env cheetah-run --agent rnd --preset none "
            "--steps 30 --num-envs 2 --learning-starts 10 --replay-capacity 200 --minibatch 4 "
            "--threads 1 --distillation-hidden-sizes 32768,65535 --run r --quiet 2>err"),
      1);
  EXPECT_THAT(content(at("err")), AllOf(HasSubstr("out of memory: "), HasSubstr("bytes"),
                                        HasSubstr("--minibatch"), Not(HasSubstr("frame #"))));
}

TEST_F(Faults, ACheckpointWithoutOneOfItsFilesIsNotGoneOnFrom) {
  good(tiny_training("r", 200));
  const fs::path folder = latest_checkpoint(at("r"));
  for (const char* file : {"model.safetensors", "optimizer.safetensors", "replay.safetensors",
                           "environments.safetensors", "state.json"}) {
    fs::rename(folder / file, at("kept"));
    expect_refusal(folder_.path(), {"train", "--resume", "r", "--steps", "300"}, {file});
    fs::rename(at("kept"), folder / file);
  }
}

TEST_F(Faults, MoreOfflineUpdatesAreMadeBeforeTheRunGoesOn) {
  good({"collect", "--env", "maze2d-umaze", "--policy", "random", "--steps", "400", "--max-steps",
        "50", "--out", "d.h5"});
  good(tiny_training("r", 60, {"--dataset", "d.h5", "--updates", "40"}));
  EXPECT_EQ(latest_checkpoint(at("r")).filename(), "step_000000100");
  good({"train", "--resume", "r", "--updates", "90", "--quiet"});
  EXPECT_EQ(latest_checkpoint(at("r")).filename(), "step_000000150");
  EXPECT_THAT(content(latest_checkpoint(at("r")) / "state.json"),
              HasSubstr("\"offline_updates\": \"90\""));
  expect_refusal(folder_.path(), {"train", "--resume", "r", "--steps", "0"},
                 {"--resume r: the run has environment steps"});
}

TEST_F(Faults, ABrokenPolicyAndBrokenMomentsAreNamed) {
  good(tiny_training("r", 100));
  const fs::path folder = latest_checkpoint(at("r"));
  const auto spoil = [&](const char* file) {
    std::string bytes = content(folder / file);
    const std::string good_bytes = bytes;
    bytes.replace(bytes.size() - 4, 4, std::string("\x00\x00\xc0\x7f", 4));  // a NaN
    write(folder / file, bytes);
    return good_bytes;
  };
  const std::string moments = spoil("optimizer.safetensors");
  expect_refusal(folder_.path(), {"train", "--resume", "r", "--steps", "200"},
                 {"step_000000100: optimizer: ", "is not finite"});
  write(folder / "optimizer.safetensors", moments);
  spoil("model.safetensors");
  expect_refusal(folder_.path(), {"evaluate", "r", "--episodes", "1"},
                 {"step_000000100: model: ", "is not finite"});
}

}  // namespace
}  // namespace reverie::test
