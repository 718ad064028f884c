// `collect` from the command line: what it records, what it refuses, and what remains when it is
// stopped, killed or out of disk space.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/apps/arrays.h"
#include "tests/apps/program.h"
#include "tests/temporary_folder.h"

namespace reverie::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using Clock = std::chrono::steady_clock;

class CollectTest : public testing::Test {
 protected:
  Arguments command(const std::string& env, const std::string& policy, int64_t steps,
                    const std::string& out, const Arguments& more = {}) const {
    return with({"collect", "--env", env, "--policy", policy, "--steps", std::to_string(steps),
                 "--out", out},
                more);
  }

  Finished collect(const std::string& env, const std::string& policy, int64_t steps,
                   const std::string& out, const Arguments& more = {}) {
    return run(folder_.path(), command(env, policy, steps, out, more));
  }

  json info(const std::string& path) {
    const Finished result = run(folder_.path(), {"dataset", "info", path, "--json"});
    EXPECT_EQ(result.status, 0) << result.err;
    return result.status == 0 ? json::parse(result.out) : json{};
  }

  void refuses(const Arguments& arguments, const std::vector<std::string>& messages,
               int status = 2) {
    expect_refusal(folder_.path(), arguments, messages, status);
  }

  // Waits until the growing file holds some episodes.
  void wait_for_bytes(const fs::path& file, uintmax_t bytes) {
    const auto deadline = Clock::now() + std::chrono::minutes(1);
    std::error_code error;
    while (!(fs::file_size(file, error) >= bytes && !error)) {
      ASSERT_LT(Clock::now(), deadline) << file << " does not grow";
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }

  fs::path at(const std::string& name) const { return folder_ / name; }

  TemporaryFolder folder_;
};

// Two threads and one give the same bytes.
TEST_F(CollectTest, TheSameSeedGivesTheSameFileForAnyNumberOfThreads) {
  struct Case {
    std::string env;
    Arguments policies;
    int64_t steps;
  };
  const std::vector<Case> cases = {
      {"maze2d-umaze", {"--policy", "waypoint"}, 3000},
      {"half-cheetah", {"--policy", "random", "--noise", "0.1"}, 2000},
      {"pointmaze-umaze", {"--policy", "waypoint:0.7", "--policy", "random:0.3"}, 3000},
      {"cheetah-run",
       {"--policy", "rnd", "--hidden-sizes", "16,16", "--distillation-hidden-sizes", "16",
        "--embedding-size", "8", "--minibatch", "16", "--learning-starts", "100",
        "--updates-per-step", "0.1", "--time-limit", "100"},
       2000}};
  for (const Case& one : cases) {
    SCOPED_TRACE(one.env + " " + one.policies[1]);
    const auto gather = [&](const std::string& out, const Arguments& more) {
      const Arguments start = {"collect", "--env", one.env, "--steps", std::to_string(one.steps),
                               "--out",   out};
      const Finished result = run(folder_.path(), with(with(start, one.policies), more));
      ASSERT_EQ(result.status, 0) << result.err;
    };
    gather("one.h5", {"--threads", "1", "--seed", "3"});
    gather("two.h5", {"--threads", "2", "--seed", "3"});
    EXPECT_TRUE(content(at("one.h5")) == content(at("two.h5")));
    for (const char* name : {"one.h5", "two.h5"}) fs::remove(at(name));
  }
}

TEST_F(CollectTest, EpisodesOfAMixtureAreDrawnByTheirShares) {
  constexpr int64_t kSteps = 60000;  // 400 episodes
  const Finished result =
      run(folder_.path(), {"collect", "--env", "maze2d-open", "--policy", "random:3", "--policy",
                           "waypoint", "--steps", std::to_string(kSteps), "--out", "mix.h5"});
  ASSERT_EQ(result.status, 0) << result.err;
  const json what = info("mix.h5");
  EXPECT_EQ(what["attributes"]["policy"], "random:3, waypoint:1");
  const auto index = read_array(at("mix.h5"), "infos/policy_index").as<int64_t>();
  const auto actions = read_array(at("mix.h5"), "actions").as<float>();
  const auto ends = read_array(at("mix.h5"), "timeouts").as<uint8_t>();
  ASSERT_EQ(static_cast<int64_t>(index.size()), kSteps);
  int64_t episodes = 0, played_by_waypoint = 0, at_bound[2] = {0, 0}, steps[2] = {0, 0};
  for (size_t t = 0; t < index.size(); ++t) {
    ASSERT_TRUE(index[t] == 0 || index[t] == 1);
    if (t > 0 && ends[t - 1] == 0) {
      ASSERT_EQ(index[t], index[t - 1]) << "within an episode";
    } else {
      ++episodes;
      played_by_waypoint += index[t];
    }
    ++steps[index[t]];
    at_bound[index[t]] += std::abs(actions[2 * t]) == 1.0F ? 1 : 0;
  }
  EXPECT_EQ(episodes, 400);
  // A quarter; the standard deviation is 8.7 episodes.
  EXPECT_NEAR(static_cast<double>(played_by_waypoint), 100.0, 35.0);
  EXPECT_EQ(at_bound[0], 0) << "uniform actions are never exactly at a bound";
  EXPECT_GT(at_bound[1], steps[1] / 50) << "the controller pushes with all it has";
}

TEST_F(CollectTest, PlaysARunAndMixesItWithOthers) {
  ASSERT_EQ(run(folder_.path(), tiny_training("runs/tiny", 200)).status, 0);
  Finished result = run(folder_.path(), {"collect", "--policy", "runs/tiny", "--steps", "400",
                                         "--out", "run.h5", "--seed", "5"});
  ASSERT_EQ(result.status, 0) << result.err;
  json what = info("run.h5");
  EXPECT_EQ(what["steps"], 400);
  EXPECT_EQ(what["attributes"]["env"], "maze2d-umaze");
  EXPECT_THAT(what["attributes"]["config"].get<std::string>(), HasSubstr("max_steps = 50"));
  result = run(folder_.path(), {"collect", "--policy", "random", "--policy=runs/tiny:2", "--steps",
                                "1000", "--out", "mix.h5", "--max-steps", "20"});
  ASSERT_EQ(result.status, 0) << result.err;
  what = info("mix.h5");
  EXPECT_EQ(what["episodes"], 50);
  EXPECT_EQ(what["attributes"]["policy"], "random:1, runs/tiny:2");
  const auto index = read_array(at("mix.h5"), "infos/policy_index").as<int64_t>();
  EXPECT_EQ(std::set<int64_t>(index.begin(), index.end()), (std::set<int64_t>{0, 1}));
}

// Runs are often named after the time.
TEST_F(CollectTest, ARunWithAColonInItsNameIsTheRun) {
  const std::string name = "runs/2026-11-28_13:05";
  ASSERT_EQ(run(folder_.path(), tiny_training(name, 200)).status, 0);
  Finished result =
      run(folder_.path(), {"collect", "--policy", name, "--steps", "100", "--out", "one.h5"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(info("one.h5")["attributes"]["policy"], name);
  result = run(folder_.path(), {"collect", "--policy", name + ":2", "--policy", "random:1",
                                "--steps", "200", "--out", "two.h5"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(info("two.h5")["attributes"]["policy"], name + ":2, random:1");
}

// The rewards in the file are the environment's: in [0, 1] and those that the speed gives.
TEST_F(CollectTest, ALearnerKeepsAllThatItSees) {
  const Finished result =
      collect("cheetah-run", "rnd", 4000, "rnd.h5",
              {"--time-limit", "200", "--hidden-sizes", "16,16", "--distillation-hidden-sizes",
               "16", "--embedding-size", "8", "--minibatch", "16", "--learning-starts", "1000",
               "--updates-per-step", "0.1", "--intrinsic-scale", "1000"});
  ASSERT_EQ(result.status, 0) << result.err;
  const json what = info("rnd.h5");
  EXPECT_EQ(what["steps"], 4000);
  EXPECT_EQ(what["episodes"], 20);
  EXPECT_EQ(what["attributes"]["policy"], "rnd");
  EXPECT_THAT(what["attributes"]["agent_config"].get<std::string>(),
              AllOf(HasSubstr("intrinsic_scale = 1000"), HasSubstr("learning_starts = 1000")));
  const auto rewards = read_array(at("rnd.h5"), "rewards").as<float>();
  EXPECT_GE(*std::min_element(rewards.begin(), rewards.end()), 0.0F);
  EXPECT_LE(*std::max_element(rewards.begin(), rewards.end()), 1.0F);
}

TEST_F(CollectTest, PresetsSetWhatIsNotGiven) {
  const Finished result = run(folder_.path(), {"collect", "--preset", "maze2d-medium-v1", "--steps",
                                               "1000", "--out", "medium.h5"});
  ASSERT_EQ(result.status, 0) << result.err;
  const json what = info("medium.h5");
  EXPECT_EQ(what["attributes"]["env"], "maze2d-medium");
  EXPECT_EQ(what["attributes"]["policy"], "waypoint");
  EXPECT_EQ(what["attributes"]["collect"], "steps 1000, noise 0.5");
  refuses({"collect", "--preset", "maze2d-medum-v1", "--out", "x.h5"},
          {"unknown preset", "did you mean 'maze2d-medium-v1'?"});
}

TEST_F(CollectTest, RefusesWrongFlags) {
  const auto refuse = [&](const std::string& policy, const Arguments& more,
                          const std::vector<std::string>& messages) {
    refuses(command("maze2d-umaze", policy, 100, "x.h5", more), messages);
  };
  refuses({"collect"}, {"is required", "collect --help"});
  refuses({"collect", "--env", "maze2d-umaze", "--policy", "random", "--steps", "9"},
          {"--out is required"});
  refuses({"collect", "--policy", "random", "--steps", "9", "--out", "x.h5"}, {"--env"});
  refuses({"collect", "--policy", "rnd", "--steps", "9", "--out", "x.h5"}, {"--env"});
  refuses({"collect", "--env", "maze2d-umaze", "--policy"}, {"--policy", "missing"});
  refuses(command("maze2d-umase", "random", 9, "x.h5"), {"did you mean 'maze2d-umaze'?"});
  refuses(command("maze2d-umaze", "random", 0, "x.h5"), {"--steps", "0"});
  refuse("randon", {}, {"randon", "random, scripted, waypoint"});
  refuse("", {}, {"--policy"});
  refuse("random:0", {}, {"--policy random:0", "above 0"});
  refuse("random:inf", {}, {"--policy random:inf", "above 0"});
  refuse(":0.5", {}, {"--policy", "NAME"});
  refuse("random", {"--policy", "rnd"}, {"rnd", "mixture"});
  refuse("random", {"--format", "csv"}, {"csv", "d4rl", "minari"});
  refuse("random", {"--noise", "-1"}, {"--noise"});
  refuse("random", {"--stpes", "4"}, {"'--stpes'", "did you mean '--steps'?"});
  refuse("scripted", {}, {"maze2d-umaze", "scripted", "car-racing"});
  refuse("rnd", {"--observation", "pixels"}, {"--observation state"});
  refuses(command("half-cheetah", "waypoint", 9, "x.h5"), {"half-cheetah", "point maze"});
  refuses(command("half-cheetah", "waypoint", 9, "x.h5", {"--policy", "random"}),
          {"half-cheetah", "waypoint", "maze2d-umaze"});
  refuses(command("car-racing-discrete", "random", 9, "x.h5", {"--noise", "0.1"}),
          {"--noise", "discrete"});
  refuses(command("car-racing-discrete", "rnd", 9, "x.h5", {"--observation", "state"}),
          {"discrete"});
  refuses(command("maze2d-umaze", "waypoint", 9, "x.h5",
                  {"--policy", "random", "--reset-target", "true"}),
          {"--goal-observation true"});
  refuses(command("car-racing", "random", 9, "x.h5", {"--format", "d4rl"}), {"--observation both"});
}

TEST_F(CollectTest, RefusesToReplaceAndToWriteNowhere) {
  write(at("there.h5"), "years of work");
  fs::create_directory(at("folder"));
  for (const char* out : {"there.h5", "folder"}) {
    refuses(command("maze2d-umaze", "random", 100, out), {out, "already exists"});
    refuses(command("maze2d-umaze", "random", 100, out, {"--format", "minari"}),
            {out, "already exists"});
  }
  write(at("left.h5.partial"), "an older one");
  refuses(command("maze2d-umaze", "random", 100, "left.h5"), {"left.h5.partial", "already exists"});
  refuses(command("maze2d-umaze", "random", 100, "none/x.h5"), {"none/x.h5"}, 1);
  refuses(command("maze2d-umaze", "random", 100, "there.h5/x.h5"), {"there.h5/x.h5"}, 1);
}

TEST_F(CollectTest, DatasetCommandsRefuseWhatIsNoDataset) {
  ASSERT_EQ(collect("maze2d-umaze", "random", 1200, "a.h5").status, 0);
  ASSERT_EQ(collect("pointmaze-umaze", "random", 600, "b.h5").status, 0);
  ASSERT_EQ(collect("maze2d-umaze", "random", 100, "short.h5").status, 0);
  refuses({"dataset", "inof"}, {"inof", "did you mean 'info'?"});
  write(at("text.h5"), "no HDF5");
  write(at("empty.h5"), "");
  fs::create_directory(at("folder"));
  const std::string whole = content(at("a.h5"));
  write(at("cut.h5"), whole.substr(0, whole.size() / 2));
  for (const char* bad : {"none.h5", "text.h5", "empty.h5", "cut.h5", "folder"}) {
    refuses({"dataset", "info", bad}, {bad});
  }
  refuses({"dataset", "validate", "cut.h5"}, {"cut.h5"});
  refuses({"dataset", "convert", "cut.h5", "out", "--format", "minari"}, {"cut.h5"});
  refuses({"dataset", "split", "cut.h5", "x.h5", "y.h5"}, {"cut.h5"});
  refuses({"dataset", "merge", "cut.h5", "a.h5", "--out", "x.h5"}, {"cut.h5"});
  refuses({"dataset", "merge", "a.h5", "cut.h5", "--out", "x.h5"}, {"cut.h5"});
  refuses({"dataset", "info"}, {"PATH is required"});
  refuses({"dataset", "convert", "a.h5", "x", "--format", "csv"}, {"csv", "minari"});
  refuses({"dataset", "convert", "a.h5", "b.h5", "--format", "d4rl"}, {"b.h5", "already exists"});
  for (const char* share : {"-0.1", "half"}) {
    refuses({"dataset", "split", "a.h5", "x.h5", "y.h5", "--share", share}, {"--share", share});
  }
  refuses({"dataset", "split", "a.h5", "x.h5", "y.h5", "--share", "0"}, {"--share"});
  refuses({"dataset", "split", "short.h5", "x.h5", "y.h5"}, {"--share", "1 episodes"});
  refuses({"dataset", "merge", "a.h5", "b.h5", "--out", "x.h5"},
          {"b.h5", "was recorded in pointmaze-umaze", "a.h5"});
  refuses({"dataset", "merge", "a.h5", "short.h5", "--out", "b.h5"}, {"b.h5", "already exists"});
}

// More steps than the test waits for.
constexpr int64_t kForever = 100'000'000;
constexpr uintmax_t kSomeBytes = 3'000'000;  // beyond the first time that progress is saved

TEST_F(CollectTest, KilledInTheMiddleItLeavesWholeEpisodes) {
  Program program(command("maze2d-umaze", "waypoint", kForever, "k.h5"),
                  {.folder = folder_.path()});
  wait_for_bytes(at("k.h5.partial"), kSomeBytes);
  program.send(SIGKILL);
  EXPECT_EQ(program.finish().status, 128 + SIGKILL);
  EXPECT_FALSE(fs::exists(at("k.h5")));
  const json what = info("k.h5.partial");
  EXPECT_GT(what["steps"], 0);
  EXPECT_EQ(what["truncated"], what["episodes"]) << "whole episodes alone";
  EXPECT_EQ(
      run(folder_.path(), {"dataset", "convert", "k.h5.partial", "saved.h5", "--format", "d4rl"})
          .status,
      0);
}

TEST_F(CollectTest, InterruptedItKeepsWhatIsThere) {
  Program program(command("maze2d-umaze", "waypoint", kForever, "i.h5"),
                  {.folder = folder_.path()});
  wait_for_bytes(at("i.h5.partial"), kSomeBytes);
  program.send(SIGINT);
  const Finished result = program.finish();
  EXPECT_EQ(result.status, 130) << result.err << "so that `collect && train` does not go on";
  EXPECT_THAT(result.err, HasSubstr("stopped early"));
  EXPECT_FALSE(fs::exists(at("i.h5.partial")));
  const json what = info("i.h5");
  EXPECT_GT(what["steps"], 0);
  EXPECT_EQ(what["truncated"], what["episodes"]);
}

TEST_F(CollectTest, TheSecondWriterOfAPathIsRefused) {
  Program first(command("maze2d-umaze", "waypoint", 300000, "w.h5"), {.folder = folder_.path()});
  wait_for_bytes(at("w.h5.partial"), 1);
  const Finished second = collect("maze2d-umaze", "random", 100, "w.h5");
  EXPECT_EQ(second.status, 2);
  EXPECT_THAT(second.err, AllOf(HasSubstr("w.h5"), HasSubstr("already exists")));
  const Finished done = first.finish();
  EXPECT_EQ(done.status, 0) << done.err;
  EXPECT_EQ(info("w.h5")["steps"], 300000);
}

// On a full disk, complete episodes may stay readable, but not under the final name.
TEST_F(CollectTest, AFullDiskIsSaidAndLeavesNoHalfFile) {
  for (const char* format : {"d4rl", "minari", "stable-worldmodel"}) {
    SCOPED_TRACE(format);
    Program program(command("maze2d-umaze", "waypoint", 400000, "full", {"--format", format}),
                    {.folder = folder_.path(), .max_file_bytes = 2'000'000});
    const Finished result = program.finish();
    EXPECT_EQ(result.status, 1) << result.err;
    EXPECT_THAT(result.err, AllOf(HasSubstr("full"), HasSubstr("File too large")));
    EXPECT_FALSE(fs::is_regular_file(at("full")));
    EXPECT_FALSE(fs::exists(at("full/data/main_data.hdf5")));
    fs::remove_all(at("full"));
    fs::remove(at("full.partial"));
  }
}

TEST_F(CollectTest, WaypointIsAPolicyLikeOthers) {
  const Finished result = run(folder_.path(), {"evaluate", "waypoint", "--env", "pointmaze-medium",
                                               "--episodes", "20", "--json"});
  ASSERT_EQ(result.status, 0) << result.err;
  const json report = json::parse(result.out);
  EXPECT_GT(report["success_rate"], 0.95);
  EXPECT_LT(report["random"]["success_rate"], 0.5);
  refuses({"evaluate", "waypoint", "--env", "maze2d-umaze", "--reset-target", "true", "--episodes",
           "1"},
          {"--goal-observation true"});
  refuses({"evaluate", "waypoint", "--env", "antmaze-umaze", "--episodes", "1"},
          {"antmaze-umaze", "waypoint", "maze2d-umaze"});
  refuses({"evaluate", "waypoint", "--env", "maze2d-umaze", "--observation", "pixels"},
          {"--observation state"});
  const Finished film = run(folder_.path(), {"render", "waypoint", "--env", "maze2d-umaze", "--out",
                                             "w.gif", "--size", "64x48", "--speed", "10"});
  EXPECT_EQ(film.status, 0) << film.err;
}

}  // namespace
}  // namespace reverie::test
