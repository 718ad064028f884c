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

  // Replaces the values of a dataset in the file; as many as it has.
  template <typename T>
  void overwrite(const std::string& file, const std::string& name, const std::vector<T>& values) {
    write_array(folder_ / file, name, values.data(), values.size() * sizeof(T));
  }

  // Clears all flags of a column but the last.
  void edit_flags(const std::string& file, const std::string& name) {
    auto flags = column<int8_t>(file, name);
    std::fill(flags.begin(), flags.end() - 1, int8_t{0});
    overwrite(file, name, flags);
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
  // Rewards depend on states in cheetah-run and the maze, on an action in half-cheetah, and on
  // several states with a frame skip.
  struct Case {
    std::string env, policy;
    Arguments options;
  };
  const std::vector<Case> cases = {
      {"cheetah-run", "random", {"--reward-scale", "100", "--reward-clip", "3"}},
      {"half-cheetah", "random", {"--reward-scale", "0.5"}},
      {"pointmaze-umaze-dense", "random", {"--reward-scale", "10", "--reward-clip", "0.6"}},
      {"pointmaze-umaze-dense", "random", {"--reward-scale", "10", "--frame-skip", "3"}},
      // The goal moves while the controller still heads for its old place.
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
  refuses({"dataset", "relabel", "maze", "out", "--goal", "2,2"}, {"--goal 2,2: lies in the wall"});
  refuses({"dataset", "relabel", "maze", "out", "--goal", "-9,2"}, {"--goal -9,2: lies outside"});
  refuses({"dataset", "relabel", "maze", "out", "--goal", "1", "3"}, {"'3' after --goal 1"});
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
  refuses({"dataset", "relabel", "run", "run", "--env", "cheetah-run"}, {"already exists"});
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
  // The car's poses cannot be set, so its episodes are replayed.
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

// ---------------------------------------------------------------------------------------------
// What people bring and type

// --steps cuts the last episode of each, which then has no end mark.
TEST_F(DatasetCommand, EpisodesDoNotRunAcrossTheSeamOfMergedFiles) {
  for (const std::string seed : {"1", "2"}) {
    collect("maze2d-umaze", "random", "own" + seed, {"--steps", "450", "--seed", seed});
  }
  succeeds({"dataset", "merge", "own1", "own2", "--out", "own"});
  const json both = info("own");
  EXPECT_EQ(both["episodes"], 4);
  EXPECT_EQ(both["length"]["max"], 300);
  EXPECT_EQ(both["attributes"]["seed"], "1 + 2");
  succeeds({"dataset", "validate", "own"});
  // Through another layout and back.
  succeeds({"dataset", "convert", "own", "other", "--format", "minari"});
  succeeds({"dataset", "convert", "other", "back", "--format", "d4rl"});
  EXPECT_EQ(info("back")["episodes"], 4);
}

TEST_F(DatasetCommand, ValidateKnowsTheEnvironmentsLimit) {
  collect("maze2d-umaze", "random", "maze", {"--steps", "600", "--max-steps", "150"});
  succeeds({"dataset", "validate", "maze"});
  collect("maze2d-umaze", "random", "long", {"--steps", "600"});
  // Two episodes of 300 steps without the first end mark.
  edit_flags("long", "timeouts");
  const Finished result = reverie({"dataset", "validate", "long"});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.out, AllOf(HasSubstr("longer than"), HasSubstr("600 steps")));
  refuses({"dataset", "validate", "maze", "--env", "maze2d-large"},
          {"maze2d-large", "maze2d-umaze"});
}

TEST_F(DatasetCommand, DatasetsThatContradictAreNotMerged) {
  collect("maze2d-umaze", "random", "small");
  collect("maze2d-medium", "random", "medium");
  collect("maze2d-umaze", "random", "scaled", {"--reward-scale", "10"});
  refuses({"dataset", "merge", "small", "medium", "--out", "both"},
          {"maze2d-umaze", "maze2d-medium"});
  refuses({"dataset", "merge", "small", "scaled", "--out", "both"}, {"reward_scale"});
  succeeds({"dataset", "merge", "small", "small", "--out", "both"});
  EXPECT_EQ(info("both")["attributes"]["env"], "maze2d-umaze");
}

// infos/goal of maze2d-* is the controller's target.
TEST_F(DatasetCommand, MazesAreRelabelledForTheGoalOfTheTask) {
  collect("maze2d-umaze", "waypoint", "sparse", {"--steps", "2000"});
  succeeds({"dataset", "relabel", "sparse", "dense", "--env", "maze2d-umaze-dense"});
  const auto qpos = column<float>("sparse", "infos/qpos");
  const auto target = column<float>("sparse", "infos/goal");
  const auto ends = column<int8_t>("sparse", "timeouts");
  const auto rewards = column<float>("dense", "rewards");
  float farthest = 0.0F;
  for (size_t t = 0; t + 1 < rewards.size(); ++t) {
    farthest = std::max(farthest, std::hypot(target[2 * t] - 1.0F, target[2 * t + 1] - 1.0F));
    if (ends[t] != 0) continue;  // the state after the step is not in the next row
    const float distance = std::hypot(qpos[2 * t + 2] - 1.0F, qpos[2 * t + 3] - 1.0F);
    EXPECT_NEAR(rewards[t], std::exp(-distance), 1e-4) << t;
  }
  EXPECT_GT(farthest, 1.0F) << "a target elsewhere";
}

TEST_F(DatasetCommand, AnotherTaskKeepsTheWrappersOfTheDataset) {
  collect("cheetah-run", "random", "plain");
  collect("cheetah-run", "random", "scaled", {"--reward-scale", "100"});
  for (const std::string name : {"plain", "scaled"}) {
    succeeds({"dataset", "relabel", name, name + "-back", "--env", "cheetah-run-backward"});
  }
  const auto plain = column<float>("plain-back", "rewards");
  const auto scaled = column<float>("scaled-back", "rewards");
  ASSERT_EQ(plain.size(), scaled.size());
  float most = 0.0F;
  for (size_t t = 0; t < plain.size(); ++t) {
    EXPECT_NEAR(scaled[t], 100.0F * plain[t], 1e-2) << t;
    most = std::max(most, plain[t]);
  }
  EXPECT_GT(most, 0.001F) << "nothing to compare";
}

TEST_F(DatasetCommand, PicturesOfAnySizeArePreviewedRelabelledAndValidated) {
  const std::vector<Arguments> options = {
      {"--image-size", "32x32"}, {"--resize", "24x24", "--grey", "true"}, {"--crop", "20x20+1+1"}};
  for (size_t i = 0; i < options.size(); ++i) {
    SCOPED_TRACE(fmt::format("{}", fmt::join(options[i], " ")));
    const std::string name = fmt::format("p{}", i);
    Arguments more{"--observation", "both", "--steps", "60", "--max-steps", "20"};
    more.insert(more.end(), options[i].begin(), options[i].end());
    collect("maze2d-open", "random", name, more);
    succeeds({"dataset", "preview", name, "--out", name + ".png", "--size", "48x48"});
    succeeds({"dataset", "preview", name, "--out", name + "-drawn.png", "--env", "maze2d-open",
              "--size", "48x48"});
    succeeds({"dataset", "relabel", name, name + "-final", "--goal", "final"});
    succeeds({"dataset", "validate", name});
  }
}

TEST_F(DatasetCommand, NumbersThatAreNotFiniteHideNoExtreme) {
  collect("maze2d-umaze", "random", "nan", {"--steps", "80", "--max-steps", "20"});
  // Four episodes with the returns 3, NaN, 1 and 2.
  std::vector<float> rewards(80, 0.0F);
  rewards[0] = 3.0F;
  rewards[25] = NAN;
  rewards[45] = 1.0F;
  rewards[65] = 2.0F;
  overwrite("nan", "rewards", rewards);
  const json returns = info("nan")["return"];
  EXPECT_EQ(returns["min"], 1.0);
  EXPECT_EQ(returns["median"], 2.0);
  EXPECT_EQ(returns["max"], 3.0);
  EXPECT_EQ(returns["mean"], 2.0);
  EXPECT_EQ(returns["not_finite"], 1);
  EXPECT_THAT(reverie({"dataset", "info", "nan"}).out,
              HasSubstr("max 3, 1 not finite and left out"));
  EXPECT_EQ(reverie({"dataset", "validate", "nan"}).status, 1);
}

TEST_F(DatasetCommand, SlashesAndLinksInNames) {
  collect("cheetah-run", "random", "buffers/", {"--format", "exorl", "--time-limit", "100"});
  EXPECT_EQ(info("buffers")["steps"], 600);
  succeeds({"dataset", "convert", "buffers/", "minari//", "--format", "minari"});
  EXPECT_EQ(info("minari/")["steps"], 600);
  fs::create_directory(folder_ / "store");
  write(folder_ / "store/real.png", "old");
  fs::create_symlink("store/real.png", folder_ / "latest.png");
  fs::create_symlink("store/film.mp4", folder_ / "film.mp4");
  succeeds({"dataset", "info", "buffers", "--plot", "latest.png"});
  succeeds({"dataset", "preview", "buffers", "--out", "film.mp4", "--episodes", "1", "--size",
            "64x48", "--speed", "100"});
  EXPECT_TRUE(fs::is_symlink(folder_ / "latest.png"));
  EXPECT_THAT(content(folder_ / "store/real.png").substr(1, 3), "PNG");
  EXPECT_TRUE(fs::is_symlink(folder_ / "film.mp4"));
  EXPECT_THAT(content(folder_ / "store/film.mp4").substr(0, 16), HasSubstr("ftyp"));
}

TEST_F(DatasetCommand, ADatasetBringsItsMap) {
  const std::string map = "// two ends\n#######\n#r...G#\n#######\n";
  write(folder_ / "way.txt", map);
  for (const std::string policy : {"random", "waypoint"}) {
    collect("pointmaze-umaze", policy, policy, {"--map", "way.txt"});
  }
  fs::remove(folder_ / "way.txt");
  succeeds({"dataset", "preview", "random", "--out", "way.png", "--episodes", "1"});
  succeeds({"dataset", "relabel", "random", "far", "--goal", "2,0"});
  succeeds({"dataset", "preview", "far", "--out", "far.png", "--episodes", "1"});
  const Arguments train = {
      "train",     "--env", "pointmaze-umaze", "--agent", "ddpg",           "--dataset", "far",
      "--updates", "2",     "--minibatch",     "4",       "--hidden-sizes", "4,4"};
  succeeds(with(train, {"--run", "run"}));
  succeeds({"evaluate", "run", "--episodes", "1"});
  // The same map in a file agrees with it, another one does not.
  write(folder_ / "same.txt", map);
  write(folder_ / "other.txt", "#####\n#r.G#\n#####\n");
  refuses(with(train, {"--map", "other.txt"}),
          {"--map \"other.txt\"", "far was collected with its own map"});
  succeeds(with(train, {"--map", "same.txt", "--run", "again"}));
}

TEST_F(DatasetCommand, MinariIsToldGymnasiumsEnvironment) {
  const auto metadata = [&](const std::string& name) {
    return json::parse(content(folder_ / name / "data/metadata.json"));
  };
  collect("half-cheetah", "random", "cheetah", {"--format", "minari", "--max-steps", "200"});
  const json spec = json::parse(metadata("cheetah")["env_spec"].get<std::string>());
  EXPECT_EQ(spec["id"], "HalfCheetah-v5");
  EXPECT_EQ(spec["max_episode_steps"], 200);
  EXPECT_EQ(metadata("cheetah")["dataset_id"], "half-cheetah/random-v0");
  succeeds({"dataset", "split", "cheetah", "first", "second", "--share", "0.5"});
  EXPECT_EQ(metadata("first")["env_spec"], metadata("cheetah")["env_spec"]);
  // Environments that Gymnasium does not have, or that an option changes.
  collect("half-cheetah", "random", "scaled", {"--format", "minari", "--reward-scale", "2"});
  EXPECT_FALSE(metadata("scaled").contains("env_spec"));
  collect("maze2d-umaze", "random", "maze", {"--format", "minari"});
  EXPECT_FALSE(metadata("maze").contains("env_spec"));
  collect("pointmaze-umaze-dense", "random", "point", {"--format", "minari"});
  const json point = json::parse(metadata("point")["env_spec"].get<std::string>());
  EXPECT_EQ(point["id"], "PointMaze_UMazeDense-v3");
  EXPECT_EQ(point["entry_point"], "gymnasium_robotics.envs.maze.point_maze:PointMazeEnv");
  EXPECT_EQ(point["kwargs"], json::parse(R"({"reward_type": "dense", "maze_map":
      [[1,1,1,1,1],[1,0,0,0,1],[1,1,1,0,1],[1,0,0,0,1],[1,1,1,1,1]]})"));
  collect("antmaze-medium", "random", "ant", {"--format", "minari", "--max-steps", "9"});
  const json ant = json::parse(metadata("ant")["env_spec"].get<std::string>());
  EXPECT_EQ(ant["id"], "AntMaze_Medium-v5");
  EXPECT_EQ(ant["entry_point"], "gymnasium_robotics.envs.maze.ant_maze_v5:AntMazeEnv");
  EXPECT_EQ(ant["max_episode_steps"], 9);
  EXPECT_EQ(ant["kwargs"]["reward_type"], "sparse");
}

}  // namespace
}  // namespace reverie::test
