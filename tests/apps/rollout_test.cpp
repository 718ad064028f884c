// `rollout` on recordings that are made here with the HDF5 library.
#include <cmath>
#include <cstring>
#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hdf5.h>

#include "tests/apps/arrays.h"
#include "tests/apps/program.h"
#include "tests/temporary_folder.h"

namespace reverie::test {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr hsize_t kRolloutSteps = 12;

// Actions that push the point about, [rows, width].
std::vector<float> some_actions(hsize_t rows, hsize_t width) {
  std::vector<float> actions(rows * width);
  for (size_t i = 0; i < actions.size(); ++i) {
    actions[i] = std::sin(static_cast<float>(i));
  }
  return actions;
}

// A file with one group /g that holds `action` alone.
void write_recording(const fs::path& path, const std::vector<float>& actions, hsize_t width) {
  const hsize_t shape[2] = {actions.size() / width, width};
  const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  const hid_t group = H5Gcreate2(file, "/g", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  const hid_t space = H5Screate_simple(2, shape, nullptr);
  const hid_t set =
      H5Dcreate2(group, "action", H5T_NATIVE_FLOAT, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  ASSERT_GE(H5Dwrite(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, actions.data()), 0);
  H5Dclose(set);
  H5Sclose(space);
  H5Gclose(group);
  H5Fclose(file);
}

class RolloutTest : public testing::Test {
 protected:
  Finished rollout(const std::string& env, const std::string& from, const std::string& out,
                   const Arguments& more = {}) {
    Arguments arguments = {"rollout", "--env", env, "--from", from, "--out", out};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(folder_.path(), arguments);
  }
  fs::path at(const std::string& name) const { return folder_ / name; }

  TemporaryFolder folder_;
};

TEST_F(RolloutTest, RecordsWhatTheContractNames) {
  write_recording(at("in.h5"), some_actions(kRolloutSteps, 2), 2);
  const Finished result = rollout("pointmaze-umaze", "in.h5:/g", "out.h5", {"--seed", "3"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("12 of 12 steps"));
  const auto arrays = read_root(at("out.h5"));
  for (const auto& [name, width] : std::map<std::string, hsize_t>{{"qpos", 2},
                                                                  {"qvel", 2},
                                                                  {"observation", 4},
                                                                  {"achieved_goal", 2},
                                                                  {"desired_goal", 2}}) {
    ASSERT_TRUE(arrays.contains(name)) << name;
    EXPECT_THAT(arrays.at(name).shape, ElementsAre(kRolloutSteps + 1, width)) << name;
  }
  EXPECT_EQ(arrays.at("action").as<float>(), some_actions(kRolloutSteps, 2));
  for (const char* name : {"reward", "terminated", "truncated", "success"}) {
    ASSERT_TRUE(arrays.contains(name)) << name;
    EXPECT_THAT(arrays.at(name).shape, ElementsAre(kRolloutSteps)) << name;
  }
  EXPECT_EQ(arrays.at("reward").bytes.size(), kRolloutSteps * sizeof(double));
  EXPECT_FALSE(arrays.contains("frame"));
  const std::vector<double> position = arrays.at("qpos").as<double>();
  const std::vector<double> observation = arrays.at("observation").as<double>();
  for (size_t t = 0; t <= kRolloutSteps; ++t) {
    EXPECT_EQ(position[2 * t], observation[4 * t]);
    EXPECT_EQ(position[2 * t + 1], observation[4 * t + 1]);
  }
  EXPECT_NE(position[0], position[2 * kRolloutSteps]);
}

TEST_F(RolloutTest, RollingOutTheResultGivesTheSameArrays) {
  write_recording(at("in.h5"), some_actions(kRolloutSteps, 2), 2);
  for (const std::string env : {"pointmaze-umaze", "maze2d-medium-dense"}) {
    ASSERT_EQ(rollout(env, "in.h5:/g", "one.h5", {"--seed", "3"}).status, 0);
    // The seed differs, but the recorded state decides.
    ASSERT_EQ(rollout(env, "one.h5", "two.h5", {"--seed", "4"}).status, 0);
    const auto one = read_root(at("one.h5"));
    const auto two = read_root(at("two.h5"));
    ASSERT_EQ(one.size(), two.size());
    for (const auto& [name, array] : one) {
      EXPECT_TRUE(two.contains(name) && array == two.at(name)) << env << " " << name;
    }
    ASSERT_EQ(rollout(env, "in.h5:/g", "other.h5", {"--seed", "4"}).status, 0);
    EXPECT_FALSE(read_root(at("other.h5")).at("qpos") == one.at("qpos")) << "seeds differ";
  }
}

TEST_F(RolloutTest, RecordsFramesAndStopsWithTheEpisode) {
  write_recording(at("in.h5"), some_actions(kRolloutSteps, 2), 2);
  const Finished result = rollout("maze2d-umaze", "in.h5:/g", "out.h5",
                                  {"--frames-every", "4", "--size", "32x24", "--max-steps", "9"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.err, AllOf(HasSubstr("9 of 12 steps"), HasSubstr("episode ended")));
  const auto arrays = read_root(at("out.h5"));
  EXPECT_THAT(arrays.at("action").shape, ElementsAre(9, 2));
  EXPECT_THAT(arrays.at("qpos").shape, ElementsAre(10, 2));
  EXPECT_THAT(arrays.at("frame").shape, ElementsAre(3, 24, 32, 3));
  EXPECT_THAT(arrays.at("frame_step").as<int64_t>(), ElementsAre(0, 4, 8));
  EXPECT_EQ(arrays.at("truncated").bytes, std::string(8, '\0') + '\1');
  const std::string& pixels = arrays.at("frame").bytes;
  EXPECT_GT(std::set<char>(pixels.begin(), pixels.end()).size(), 3U) << "an empty picture";
}

TEST_F(RolloutTest, ReplaysEpisodesOfDatasetsInEveryLayout) {
  const auto good = [&](const Arguments& arguments) {
    const Finished result = run(folder_.path(), arguments);
    EXPECT_EQ(result.status, 0) << result.err;
  };
  const Arguments collect = {
      "collect",     "--env", "pointmaze-umaze-dense", "--policy", "random", "--steps", "60",
      "--max-steps", "20",    "--frame-skip",          "2"};
  std::map<std::string, Array> first;
  for (const std::string format : {"d4rl", "minari", "exorl", "stable-worldmodel"}) {
    SCOPED_TRACE(format);
    const std::string data = format + (format == "minari" || format == "exorl" ? "" : ".h5");
    good(with(collect, {"--format", format, "--out", data}));
    // The environment and its options are those of the dataset.
    const Finished result =
        run(folder_.path(), {"rollout", "--from", data, "--episode", "1", "--out", format + "-1"});
    ASSERT_EQ(result.status, 0) << result.err;
    EXPECT_THAT(result.err, HasSubstr("10 of 10 steps"));
    auto arrays = read_root(at(format + "-1"));
    if (first.empty()) {
      const std::vector<float> rewards = read_array(at(data), "rewards").as<float>();
      const std::vector<double> replayed = arrays.at("reward").as<double>();
      ASSERT_EQ(replayed.size(), 10U);
      for (size_t t = 0; t < 10; ++t) EXPECT_FLOAT_EQ(replayed[t], rewards[10 + t]) << t;
      first = std::move(arrays);
      continue;
    }
    EXPECT_EQ(arrays.at("action").as<float>(), first.at("action").as<float>());
    const std::vector<double> rewards = arrays.at("reward").as<double>();
    for (size_t t = 0; t < 10; ++t) {
      EXPECT_NEAR(rewards[t], first.at("reward").as<double>()[t], 1e-6) << t;
    }
  }
  // Without states that can be set, the seed of the reset decides.
  good({"collect", "--env", "car-racing", "--policy", "random", "--steps", "30", "--max-steps",
        "15", "--observation", "state", "--format", "minari", "--out", "car"});
  good({"rollout", "--from", "car", "--episode", "1", "--out", "car.h5"});
  const std::vector<float> recorded =
      read_array(at("car/data/main_data.hdf5"), "episode_1/observations").as<float>();
  EXPECT_EQ(read_root(at("car.h5")).at("observation").as<float>(), recorded);

  const Arguments rollout = {"rollout", "--out", "out.h5"};
  expect_refusal(folder_.path(), with(rollout, {"--from", "d4rl.h5", "--episode", "9"}),
                 {"--episode 9", "d4rl.h5", "0 to "});
  expect_refusal(folder_.path(), with(rollout, {"--from", "d4rl.h5", "--env", "half-cheetah"}),
                 {"d4rl.h5", "actions"});
  expect_refusal(folder_.path(), with(rollout, {"--from", "d4rl.h5", "--frame-skip", "3"}),
                 {"--frame-skip 3", "collected with 2"});
  write_recording(at("in.h5"), some_actions(kRolloutSteps, 2), 2);
  expect_refusal(folder_.path(), with(rollout, {"--from", "in.h5:/g"}), {"--env"});
  expect_refusal(folder_.path(),
                 with(rollout, {"--from", "in.h5:/g", "--env", "maze2d-umaze", "--episode", "0"}),
                 {"--episode 0", "in.h5"});
}

TEST_F(RolloutTest, RefusesBadRecordings) {
  write_recording(at("in.h5"), some_actions(kRolloutSteps, 2), 2);
  std::vector<float> bad = some_actions(kRolloutSteps, 2);
  bad[3 * 2 + 1] = std::nanf("");
  write_recording(at("nan.h5"), bad, 2);
  write_recording(at("wide.h5"), some_actions(kRolloutSteps, 3), 3);
  write(at("text.h5"), "no HDF5 at all");
  fs::copy(at("in.h5"), at("cut.h5"));
  fs::resize_file(at("cut.h5"), fs::file_size(at("cut.h5")) / 2);
  fs::create_directory(at("folder"));
  struct Case {
    std::string env, from, out;
    std::vector<std::string> messages;
    int status = 2;
  };
  const std::vector<Case> cases = {
      {"maze2d-umaze", "in.h5:/h", "out.h5", {"in.h5", "no group '/h'"}},
      {"maze2d-umaze", "in.h5:/g/action", "out.h5", {"in.h5", "/g/action"}},
      {"maze2d-umaze", "in.h5", "out.h5", {"in.h5", "action"}},
      {"maze2d-umaze", "none.h5:/g", "out.h5", {"none.h5"}},
      {"maze2d-umaze", ":/g", "out.h5", {"/g"}},
      {"maze2d-umaze", "text.h5:/g", "out.h5", {"text.h5"}},
      {"maze2d-umaze", "cut.h5:/g", "out.h5", {"cut.h5"}},
      {"maze2d-umaze", "folder:/g", "out.h5", {"folder"}},
      {"maze2d-umaze", "wide.h5:/g", "out.h5", {"wide.h5", "action", "3", "2"}},
      {"maze2d-umaze", "nan.h5:/g", "out.h5", {"nan.h5:/g/action: row 3", "action[1] is nan"}},
      {"maze2d-umase", "in.h5:/g", "out.h5", {"did you mean 'maze2d-umaze'?"}},
      {"maze2d-umaze", "in.h5:/g", "folder", {"folder"}},
      {"maze2d-umaze", "in.h5:/g", "in.h5/out.h5", {"in.h5/out.h5"}, 1},
      {"maze2d-umaze", "in.h5:/g", "none/out.h5", {"none/out.h5"}, 1},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(each.from + " -> " + each.out);
    const std::string before = everything_below(folder_.path());
    const Finished result = rollout(each.env, each.from, each.out);
    EXPECT_EQ(result.status, each.status) << result.err;
    for (const std::string& message : each.messages) EXPECT_THAT(result.err, HasSubstr(message));
    EXPECT_TRUE(everything_below(folder_.path()) == before) << "something changed on disk";
  }
}

}  // namespace
}  // namespace reverie::test
