// `dataset info`, `preview` and `relabel` from the command line.
#include <cmath>

#include <fmt/ranges.h>
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

class DatasetCommand : public testing::Test {
 protected:
  Finished reverie(const Arguments& arguments) { return run(folder_.path(), arguments); }

  void succeeds(const Arguments& arguments) {
    const Finished result = reverie(arguments);
    EXPECT_EQ(result.status, 0) << result.err;
  }

  void collect(const std::string& env, const std::string& policy, const std::string& out,
               const Arguments& more = {}) {
    Arguments arguments{"collect", "--env", env, "--policy", policy, "--out", out};
    arguments.insert(arguments.end(), more.begin(), more.end());
    if (std::find(more.begin(), more.end(), "--steps") == more.end()) {
      arguments.insert(arguments.end(), {"--steps", "600"});
    }
    succeeds(arguments);
  }

  json info(const std::string& path) {
    const Finished result = reverie({"dataset", "info", path, "--json"});
    EXPECT_EQ(result.status, 0) << result.err;
    return json::parse(result.out);
  }

  template <typename T>
  std::vector<T> column(const std::string& file, const std::string& name) {
    return read_array(folder_ / file, name).as<T>();
  }

  // Width and height of a PNG file, from its head.
  std::pair<int, int> png_size(const std::string& file) {
    const std::string bytes = content(folder_ / file);
    EXPECT_GE(bytes.size(), 24U);
    const auto number = [&](size_t at) {
      int value = 0;
      for (size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
      return value;
    };
    return {number(16), number(20)};
  }

  void refuses(const Arguments& arguments, const std::vector<std::string>& messages,
               int status = 2) {
    expect_refusal(folder_.path(), arguments, messages, status);
  }

  TemporaryFolder folder_;
};

TEST_F(DatasetCommand, RelabelledForItsOwnTaskRewardsAreWhatTheyWere) {
  for (const std::string env : {"cheetah-run", "half-cheetah", "pointmaze-umaze-dense"}) {
    SCOPED_TRACE(env);
    collect(env, "random", env);
    succeeds({"dataset", "relabel", env, env + "-again", "--env", env});
    const auto before = column<float>(env, "rewards");
    const auto after = column<float>(env + "-again", "rewards");
    ASSERT_EQ(before.size(), after.size());
    float most = 0.0F;
    for (size_t i = 0; i < before.size(); ++i) {
      EXPECT_NEAR(after[i], before[i], 2e-5) << i;
      most = std::max(most, std::abs(before[i]));
    }
    EXPECT_GT(most, 0.001F) << "nothing to compare";
  }
}

TEST_F(DatasetCommand, WrappersOfTheRewardCountWhereItIsRelabelled) {
  // Rewards of states in cheetah-run and the maze, of an action in half-cheetah; of several states
  // with a frame skip.
  struct Case {
    std::string env, policy;
    Arguments options;
  };
  const std::vector<Case> cases = {
      {"cheetah-run", "random", {"--reward-scale", "100", "--reward-clip", "3"}},
      {"half-cheetah", "random", {"--reward-scale", "0.5"}},
      {"pointmaze-umaze-dense", "random", {"--reward-scale", "10", "--reward-clip", "0.6"}},
      {"pointmaze-umaze-dense", "random", {"--reward-scale", "10", "--frame-skip", "3"}},
      // The goal moves away while the controller is still on its way to where it was.
      {"pointmaze-open-dense", "waypoint", {"--reset-target", "true", "--steps", "3000"}}};
  for (size_t i = 0; i < cases.size(); ++i) {
    const auto& [env, policy, options] = cases[i];
    SCOPED_TRACE(fmt::format("{} {} {}", env, policy, fmt::join(options, " ")));
    const std::string name = fmt::format("data{}", i);
    collect(env, policy, name, options);
    succeeds({"dataset", "relabel", name, name + "-again", "--env", env});
    const auto before = column<float>(name, "rewards");
    const auto after = column<float>(name + "-again", "rewards");
    ASSERT_EQ(before.size(), after.size());
    float most = 0.0F;
    for (size_t t = 0; t < before.size(); ++t) {
      EXPECT_NEAR(after[t], before[t], 1e-3) << t;
      most = std::max(most, std::abs(before[t]));
    }
    EXPECT_GT(most, 0.1F) << "nothing to compare";
  }
}

TEST_F(DatasetCommand, RewardsOfTheWaypointGeneratorPassThroughTheWrappers) {
  collect("maze2d-umaze", "waypoint", "plain", {"--steps", "6000"});
  collect("maze2d-umaze", "waypoint", "scaled", {"--steps", "6000", "--reward-scale", "4"});
  const auto plain = column<float>("plain", "rewards");
  const auto scaled = column<float>("scaled", "rewards");
  ASSERT_EQ(plain.size(), scaled.size());
  float sum = 0.0F;
  for (size_t t = 0; t < plain.size(); ++t) {
    EXPECT_EQ(scaled[t], 4.0F * plain[t]) << t;
    sum += plain[t];
  }
  EXPECT_GT(sum, 10.0F);
  for (const std::string name : {"plain", "scaled"}) {
    EXPECT_THAT(reverie({"dataset", "validate", name}).out, HasSubstr("reward t is that of"));
  }
  refuses({"collect", "--env", "maze2d-umaze", "--policy", "waypoint", "--steps", "100", "--out",
           "skipped", "--frame-skip", "2"},
          {"--frame-skip"});
}

TEST_F(DatasetCommand, AnotherTaskOfTheSameBodyHasItsOwnRewards) {
  collect("cheetah-run", "random", "run");
  succeeds({"dataset", "relabel", "run", "back", "--env", "cheetah-run-backward"});
  const auto run = column<float>("run", "rewards");
  const auto back = column<float>("back", "rewards");
  ASSERT_EQ(run.size(), back.size());
  int forwards = 0, backwards = 0;
  for (size_t i = 0; i < run.size(); ++i) {
    // clip(v / 10) and clip(-v / 10).
    EXPECT_EQ(run[i] * back[i], 0.0F) << i;
    forwards += run[i] > 0.0F ? 1 : 0;
    backwards += back[i] > 0.0F ? 1 : 0;
  }
  EXPECT_EQ(forwards + backwards, static_cast<int>(run.size()));
  EXPECT_GT(std::min(forwards, backwards), 10);
  const json attributes = info("back")["attributes"];
  EXPECT_EQ(attributes["env"], "cheetah-run-backward");
  EXPECT_EQ(attributes["relabelled"], "rewards of cheetah-run-backward");
}

TEST_F(DatasetCommand, WhatALearningAgentSawIsRelabelledAndDrawnAsAnyOther) {
  collect("pointmaze-umaze", "ddpg", "seen", {"--learning-starts", "400"});
  EXPECT_THAT(info("seen")["attributes"]["agent_config"].get<std::string>(),
              HasSubstr("learning_starts = 400"));
  succeeds({"dataset", "relabel", "seen", "again", "--env", "pointmaze-umaze"});
  EXPECT_EQ(column<float>("seen", "rewards"), column<float>("again", "rewards"));
  succeeds({"dataset", "preview", "seen", "--out", "seen.png", "--size", "48x32"});
}

TEST_F(DatasetCommand, AnotherGoalIsPaidForWhereItIsReached) {
  collect("maze2d-umaze", "waypoint", "maze");
  succeeds({"dataset", "relabel", "maze", "other", "--goal", "3,3"});
  succeeds({"dataset", "relabel", "maze", "final", "--goal", "final"});
  const auto qpos = column<float>("maze", "infos/qpos");
  const auto rewards = column<float>("other", "rewards");
  const auto goal = column<float>("other", "infos/goal");
  const auto ends = column<int8_t>("maze", "timeouts");
  int paid = 0;
  for (size_t i = 0; i + 1 < rewards.size(); ++i) {
    EXPECT_EQ(goal[2 * i], 3.0F);
    if (ends[i] != 0) continue;  // the state after the step is not in the next row
    const float distance = std::hypot(qpos[2 * i + 2] - 3.0F, qpos[2 * i + 3] - 3.0F);
    EXPECT_EQ(rewards[i], distance <= 0.5F ? 1.0F : 0.0F) << i;
    paid += rewards[i] > 0.0F ? 1 : 0;
  }
  EXPECT_GT(paid, 5);
  const auto final_rewards = column<float>("final", "rewards");
  for (size_t i = 0; i < ends.size(); ++i) {
    if (ends[i] == 0) continue;
    EXPECT_EQ(final_rewards[i], 1.0F) << "the end of the episode at " << i;
  }
}

TEST_F(DatasetCommand, RelabelSaysWhatIsMissing) {
  collect("cheetah-run", "random", "run");
  refuses({"dataset", "relabel", "run", "out"}, {"--env", "--goal"});
  refuses({"dataset", "relabel", "run", "out", "--goal", "1,2"}, {"cheetah-run", "no goal"});
  refuses({"dataset", "relabel", "run", "out", "--goal", "1;2"}, {"--goal", "1;2"});
  refuses({"dataset", "relabel", "run", "out", "--env", "cheetah-runn"}, {"cheetah-run"});
  refuses({"dataset", "relabel", "run", "out", "--env", "maze2d-umaze"}, {"actions"});
  refuses({"dataset", "relabel", "run", "run", "--env", "cheetah-run"}, {"is there already"});
  refuses({"dataset", "relabel", "nowhere", "out", "--env", "cheetah-run"}, {"nowhere"});
}

TEST_F(DatasetCommand, PreviewDrawsRecordedStatesPixelsAndRepeatedActions) {
  collect("maze2d-umaze", "waypoint", "states");
  collect("maze2d-umaze", "waypoint", "pixels", {"--observation", "pixels"});
  collect("car-racing", "scripted", "car", {"--observation", "both", "--time-limit", "100"});
  for (const std::string name : {"states", "pixels", "car"}) {
    SCOPED_TRACE(name);
    succeeds({"dataset", "preview", name, "--out", name + ".png", "--episodes", "2", "--frames",
              "3", "--size", "48x32"});
    const auto [width, height] = png_size(name + ".png");
    EXPECT_EQ(width, 4 + 3 * (48 + 4));
    EXPECT_GT(height, 2 * 32);
  }
  // The car's poses cannot be set: its episodes are played again.
  succeeds({"dataset", "preview", "car", "--env", "car-racing", "--out", "again.png", "--episodes",
            "1", "--frames", "3", "--size", "48x48"});
  succeeds(
      {"dataset", "preview", "states", "--out", "film.mp4", "--episodes", "1", "--size", "64x48"});
  EXPECT_THAT(content(folder_ / "film.mp4").substr(0, 16), HasSubstr("ftyp"));
  refuses({"dataset", "preview", "states", "--out", "film.avi"}, {"film.avi"});
  refuses({"dataset", "preview", "states", "--out", "a.png", "--size", "9000x9000"}, {"--size"});
}

TEST_F(DatasetCommand, InfoCountsActionsAndDrawsThem) {
  collect("maze2d-umaze", "random", "maze");
  const json seen = info("maze");
  EXPECT_EQ(seen["steps"], 600);
  for (const json& action : seen["action"]) {
    int64_t sum = 0;
    for (const json& count : action["histogram"]["counts"]) sum += count.get<int64_t>();
    EXPECT_EQ(sum, 600);
    EXPECT_GE(action["histogram"]["low"], -1.0);
  }
  succeeds({"dataset", "info", "maze", "--plot", "maze.png"});
  EXPECT_EQ(png_size("maze.png"), std::pair(4 * 420, 300));
}

TEST_F(DatasetCommand, ASplitWithABadSecondPathWritesNothing) {
  collect("maze2d-umaze", "waypoint", "maze");
  refuses({"dataset", "split", "maze", "first", "no/such/second"}, {"no/such/second"}, 1);
  refuses({"dataset", "split", "maze", "first", "first"}, {"first"});
  succeeds({"dataset", "split", "maze", "first", "second", "--share", "0.5"});
  EXPECT_EQ(info("first")["steps"].get<int>() + info("second")["steps"].get<int>(), 600);
}

TEST_F(DatasetCommand, PixelsAloneGoIntoALayoutThatHoldsThem) {
  collect("car-racing", "random", "car", {"--time-limit", "100"});
  EXPECT_EQ(info("car")["format"], "stable-worldmodel");
}

}  // namespace
}  // namespace reverie::test
