// Training runs, tested through the program: the files they write, and that no way to end one loses
// anything.
#include <csignal>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/apps/program.h"
#include "tests/temporary_folder.h"

namespace reverie::test {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

std::string model_of(const fs::path& run) {
  return content(latest_checkpoint(run) / "model.safetensors");
}

class Train : public ProgramTest {};

TEST_F(Train, MakesTheRunFolderOfTheDesign) {
  const Finished result =
      good(tiny_training("runs/first", 300, {"--checkpoint-every", "100", "--log-every", "100"}));
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, AllOf(HasSubstr("300/300"), HasSubstr("reverie evaluate runs/first"),
                                HasSubstr("reverie render runs/first")));
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(at("runs/first"))) {
    std::string name = entry.path().filename();
    names.insert(name.starts_with("events.out.tfevents.") ? "events" : name);
  }
  EXPECT_THAT(names, testing::ElementsAre(".lock", "checkpoints", "config.toml", "events",
                                          "history.json", "latest", "metrics.csv", "videos"));
  EXPECT_EQ(content(at("runs/first/latest")), "step_000000300\n");
  EXPECT_TRUE(fs::exists(at("runs/first/checkpoints/step_000000200")));
  EXPECT_FALSE(fs::exists(at("runs/first/checkpoints/step_000000100"))) << "2 are kept";
  for (const char* file : {"model.safetensors", "optimizer.safetensors", "replay.safetensors",
                           "environments.safetensors", "state.json"}) {
    EXPECT_TRUE(fs::is_regular_file(latest_checkpoint(at("runs/first")) / file)) << file;
  }
  const std::string csv = content(at("runs/first/metrics.csv"));
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 5) << csv;
  EXPECT_THAT(csv, AllOf(HasSubstr("step,wall_time_s,"), HasSubstr("env/return"),
                         HasSubstr("loss/critic"), HasSubstr("\n300,")));
  EXPECT_THAT(content(at("runs/first/config.toml")),
              AllOf(HasSubstr("steps = 300 "), HasSubstr("hidden_sizes = [16, 16] "),
                    HasSubstr("checkpoint_every = 100 ")));
}

TEST_F(Train, DefaultFolderIsNamedAfterTheRun) {
  Arguments arguments = tiny_training("", 100, {"--seed", "7", "--quiet"});
  arguments.erase(arguments.begin() + 7, arguments.begin() + 9);  // --run ""
  good(arguments);
  EXPECT_TRUE(fs::exists(at("runs/maze2d-umaze-ddpg-s7/latest")));
}

TEST_F(Train, SavedConfigRepeatsTheRunAndTheSeedDecides) {
  good(tiny_training("a", 300));
  good({"train", "--config", "a/config.toml", "--run", "b"});
  EXPECT_EQ(content(at("a/config.toml")), content(at("b/config.toml")));
  EXPECT_TRUE(model_of(at("a")) == model_of(at("b")));
  good({"train", "--config", "a/config.toml", "--run", "c", "--overlap", "false"});
  EXPECT_TRUE(model_of(at("a")) == model_of(at("c"))) << "overlap is only faster";
  good({"train", "--config", "a/config.toml", "--run", "d", "--seed", "2"});
  EXPECT_FALSE(model_of(at("a")) == model_of(at("d")));
}

TEST_F(Train, KilledAtAnyMomentResumesToTheSameWeights) {
  const Arguments options = {"--checkpoint-every", "60", "--log-every", "100"};
  good(tiny_training("whole", 1200, options));
  {
    Program program(tiny_training("killed", 1200, options), {.folder = folder_.path()});
    for (const int64_t beyond : {0, 300}) wait_for_checkpoint(at("killed"), beyond);
    program.send(SIGKILL);
    ASSERT_EQ(program.finish().status, 128 + SIGKILL);
  }
  {
    Program program({"train", "--resume", "killed"}, {.folder = folder_.path()});
    wait_for_checkpoint(at("killed"), 600);
    program.send(SIGKILL);
    ASSERT_EQ(program.finish().status, 128 + SIGKILL);
  }
  good({"train", "--resume", "killed"});
  EXPECT_EQ(content(at("killed/latest")), "step_000001200\n");
  for (const char* file : {"model", "optimizer", "environments"}) {
    const std::string name = std::string(file) + ".safetensors";
    EXPECT_TRUE(content(latest_checkpoint(at("whole")) / name) ==
                content(latest_checkpoint(at("killed")) / name))
        << name;
  }
  EXPECT_EQ(content(latest_checkpoint(at("whole")) / "state.json"),
            content(latest_checkpoint(at("killed")) / "state.json"));
  for (const auto& entry : fs::recursive_directory_iterator(at("killed"))) {
    EXPECT_FALSE(entry.path().filename().string().starts_with(".reverie-tmp")) << entry.path();
  }
}

TEST_F(Train, MoreStepsContinueAFinishedRun) {
  good(tiny_training("whole", 400, {"--threads", "2"}));
  good(tiny_training("longer", 200, {"--threads", "2"}));
  const std::string before = everything_below(at("longer"));
  const Finished again = run(folder_.path(), {"train", "--resume", "longer"});
  EXPECT_EQ(again.status, 0);
  EXPECT_THAT(again.err, AllOf(HasSubstr("is finished at step 200"), HasSubstr("--steps")));
  EXPECT_EQ(everything_below(at("longer")), before);
  good({"train", "--resume", "longer", "--steps", "400"});
  EXPECT_TRUE(model_of(at("whole")) == model_of(at("longer")));
  EXPECT_THAT(content(at("longer/config.toml")), HasSubstr("steps = 400 "));
}

// A rollout of 2,048 steps goes beyond the 300.
TEST_F(Train, ARunThatEndedBeyondItsStepsIsFinishedToo) {
  good({"train", "--env", "maze2d-umaze", "--agent", "ppo", "--steps", "300", "--threads", "1",
        "--epochs", "1", "--run", "r", "--quiet"});
  EXPECT_THAT(good({"train", "--resume", "r"}).err, HasSubstr("is finished at step 2048"));
  expect_refusal(folder_.path(), {"train", "--resume", "r", "--steps", "100"},
                 {"is already at step 2048, beyond 100"});
}

TEST_F(Train, InterruptSavesAndSaysHowToResume) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    const std::string name = "run" + std::to_string(signal);
    Program program(tiny_training(name, 1000000, {"--checkpoint-every", "100"}),
                    {.folder = folder_.path()});
    wait_for_checkpoint(at(name));
    program.send(signal);
    const Finished result = program.finish();
    EXPECT_EQ(result.status, 130);
    EXPECT_THAT(result.err,
                AllOf(HasSubstr("stopped at step"), HasSubstr("reverie train --resume " + name)));
    const int64_t step = std::stoll(latest_checkpoint(at(name)).filename().string().substr(5));
    EXPECT_THAT(result.err, HasSubstr("stopped at step " + std::to_string(step) + " of"));
    good({"train", "--resume", name, "--steps", std::to_string(step + 50)});
    EXPECT_EQ(std::stoll(latest_checkpoint(at(name)).filename().string().substr(5)), step + 50);
  }
}

TEST_F(Train, ARunKeepsItsMap) {
  write(at("rooms.txt"), "#####\n#G  #\n#   #\n#####\n");
  good(tiny_training("run", 100, {"--map", "rooms.txt"}));
  fs::remove(at("rooms.txt"));
  good({"evaluate", "run", "--episodes", "2"});
  fs::create_directory(at("below"));
  fs::rename(at("run"), at("below/moved"));
  good({"evaluate", "below/moved", "--episodes", "2"});
  good({"train", "--resume", "below/moved", "--steps", "150"});
  EXPECT_EQ(content(at("below/moved/files/rooms.txt")).substr(0, 5), "#####");
}

TEST_F(Train, OneProcessARunFolder) {
  Program program(tiny_training("busy", 1000000, {"--checkpoint-every", "100"}),
                  {.folder = folder_.path()});
  wait_for_checkpoint(at("busy"));
  const Finished second = run(folder_.path(), tiny_training("busy", 100));
  EXPECT_EQ(second.status, 2);
  EXPECT_THAT(second.err, AllOf(HasSubstr("busy"), HasSubstr("not empty")));
  const Finished resumed = run(folder_.path(), {"train", "--resume", "busy"});
  EXPECT_EQ(resumed.status, 1);
  EXPECT_THAT(resumed.err, HasSubstr("process " + std::to_string(program.pid())));
  program.send(SIGINT);
  EXPECT_EQ(program.finish().status, 130);
}

TEST_F(Train, RefusedResumeLeavesTheRunAsItWas) {
  good(tiny_training("a", 200));
  const std::string before = everything_below(at("a"));
  const std::vector<std::pair<Arguments, std::string>> refused = {
      {{"--num-envs", "4"}, "--num-envs is 4, the run has 2"},
      {{"--replay-capacity", "2000"}, "--replay-capacity is 2000, the run has 1000"},
      {{"--hidden-sizes", "8"}, "actor.0.weight"},
      {{"--env", "maze2d-open"}, "maze2d-umaze"},
      {{"--agent", "random"}, "ddpg"},
      {{"--goal-observation"}, "--goal-observation is true, the run has false"},
      {{"--seed", "77"}, "--seed is 77"},
      {{"--config", "a/config.toml"}, "--config"},
      {{"--preset", "none"}, "--preset"},
      {{"--run", "b"}, "--run"},
  };
  for (const auto& [more, message] : refused) {
    Arguments arguments = {"train", "--resume", "a", "--steps", "400"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Finished result = run(folder_.path(), arguments);
    EXPECT_EQ(result.status, 2) << more[0];
    EXPECT_THAT(result.err, HasSubstr(message));
    EXPECT_EQ(everything_below(at("a")), before) << more[0];
  }
  for (const char* file : {"optimizer", "replay", "environments"}) {
    const std::string copy = std::string("without_") + file;
    fs::copy(at("a"), at(copy), fs::copy_options::recursive);
    const fs::path damaged = latest_checkpoint(at(copy)) / (std::string(file) + ".safetensors");
    fs::resize_file(damaged, fs::file_size(damaged) / 2);
    const std::string cut = everything_below(at(copy));
    const Finished result = run(folder_.path(), {"train", "--resume", copy, "--steps", "400"});
    EXPECT_EQ(result.status, 2);
    EXPECT_THAT(result.err, HasSubstr(std::string(file) + ".safetensors"));
    EXPECT_EQ(everything_below(at(copy)), cut);
  }
}

TEST_F(Train, OptionsOfTheSavedDataCannotChange) {
  good(tiny_training("shaped", 200));
  for (const auto& [flag, value] : {std::pair{"--noise-correlation", "0.5"},
                                    {"--episode-limit", "7"},
                                    {"--stall-limit", "7"}}) {
    expect_refusal(folder_.path(), {"train", "--resume", "shaped", "--steps", "400", flag, value},
                   {flag, value, "it cannot change"});
  }
}

TEST_F(Train, FullDiskEndsTheRunAndKeepsTheLastCheckpoint) {
  // The replay buffer of 300 steps fits into 40 kB, that of 2000 does not.
  Program program(tiny_training("full", 4000,
                                {"--checkpoint-every", "300", "--replay-capacity", "100000",
                                 "--learning-starts", "4000"}),
                  {.folder = folder_.path(), .max_file_bytes = 40000});
  const Finished result = program.finish();
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.err, AllOf(HasSubstr("replay.safetensors"), HasSubstr("File too large")));
  const fs::path latest = latest_checkpoint(at("full"));
  ASSERT_FALSE(latest.empty());
  EXPECT_TRUE(fs::exists(latest / "model.safetensors"));
  good({"evaluate", "full", "--episodes", "1"});
  // With enough space the run continues from there.
  good({"train", "--resume", "full", "--steps", "2000"});
}

}  // namespace
}  // namespace reverie::test
