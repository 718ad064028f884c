// The HDF5 layout of stable-worldmodel: files as the package and others write them.

#include "datasets/formats/stable_worldmodel.h"

#include <cmath>
#include <filesystem>
#include <functional>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/field_numbers.h"
#include "tests/datasets/episodes.h"
#include "tests/errors.h"

namespace reverie {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
namespace fs = std::filesystem;

template <typename T>
void put(Hdf5File& file, const std::string& name, const std::vector<T>& values,
         std::vector<int64_t> row = {}) {
  int64_t width = 1;
  for (const int64_t length : row) width *= length;
  row.insert(row.begin(), static_cast<int64_t>(values.size()) / width);
  file.write<T>(name, row, std::span<const T>(values));
}

void put_flags(Hdf5File& file, const std::string& name, const std::vector<uint8_t>& flags) {
  const std::vector<int64_t> shape{static_cast<int64_t>(flags.size())};
  file.write(name, DType::kBool, shape, std::as_bytes(std::span(flags)));
}

class StableWorldModelTest : public testing::Test, public test::DatasetFolder {
 protected:
  std::string foreign(const std::function<void(Hdf5File&)>& write) const {
    fs::remove(path("f.h5"));
    Hdf5File file = Hdf5File::create(path("f.h5"));
    write(file);
    file.commit();
    return path("f.h5");
  }

  std::string error(const std::function<void(Hdf5File&)>& write) const {
    return test::input_error([&] { Dataset::open(foreign(write))->read(0); });
  }

  // Two episodes of two steps and one: the rows of their resets are 0 and 3.
  static void put_columns(Hdf5File& file) {
    put<float>(file, "observation", {0, 1, 2, 3, 4});
    put<float>(file, "action", {10, 11, NAN, 13, NAN}, {1});
    put<float>(file, "qpos", {0, 1, 2, 3, 4}, {1});
  }
  static void put_index(Hdf5File& file, const std::vector<int64_t>& lengths = {3, 2},
                        const std::vector<int64_t>& offsets = {0, 3}) {
    put<int64_t>(file, "ep_len", lengths);
    put<int64_t>(file, "ep_offset", offsets);
  }
};

TEST_F(StableWorldModelTest, RowsOfTheReset) {
  const auto dataset = Dataset::open(foreign([](Hdf5File& file) {
    put_columns(file);
    put_index(file);
    put<double>(file, "reward", {NAN, 21, 22, NAN, 24});
    put_flags(file, "terminated", {0, 0, 1, 0, 0});
    put_flags(file, "truncated", {0, 0, 0, 0, 1});
    put<int64_t>(file, "step_idx", {0, 1, 2, 0, 1});
    put<int64_t>(file, "id", {7, 7, 7, 8, 8});
  }));
  EXPECT_EQ(dataset->format(), DatasetFormat::kStableWorldModel);
  ASSERT_EQ(dataset->episodes().size(), 2U);
  EXPECT_EQ(dataset->steps(), 3);
  EXPECT_TRUE(dataset->episodes()[0].terminated);
  EXPECT_TRUE(dataset->episodes()[1].truncated);
  ASSERT_EQ(dataset->schema().observation.size(), 1U);
  ASSERT_EQ(dataset->schema().info.size(), 1U);
  const EpisodeData episode = dataset->read(0);
  EXPECT_TRUE(episode.has_final_observation);
  EXPECT_TRUE(episode.has_final_info);
  EXPECT_THAT(numbers(dataset->schema().observation[0], episode.observation[0]),
              ElementsAre(0, 1, 2));
  EXPECT_THAT(numbers(dataset->schema().action, episode.action), ElementsAre(10, 11));
  EXPECT_THAT(episode.reward, ElementsAre(21, 22));
  EXPECT_THAT(episode.terminated, ElementsAre(0, 1));
  EXPECT_THAT(dataset->read(1).reward, ElementsAre(24));
}

TEST_F(StableWorldModelTest, IntegerActionsAfterTheLast) {
  const auto dataset = Dataset::open(foreign([](Hdf5File& file) {
    put<float>(file, "observation", {0, 1, 2});
    put<int64_t>(file, "action", {1, 2, std::numeric_limits<int64_t>::min()});
    put_index(file, {3}, {0});
  }));
  EXPECT_EQ(dataset->steps(), 2);
  EXPECT_TRUE(dataset->read(0).has_final_observation);
  EXPECT_EQ(dataset->schema().attributes.count("reward"), 1U);
}

// Expert data that the package did not collect itself, such as its PushT dataset.
TEST_F(StableWorldModelTest, RowsWithoutReset) {
  const auto dataset = Dataset::open(foreign([](Hdf5File& file) {
    put<float>(file, "proprio", {0, 1, 2, 3, 4});
    put<float>(file, "action", {10, 11, 12, 13, 14}, {1});
    put<int64_t>(file, "ep_idx", {0, 0, 0, 5, 5});
    put<int64_t>(file, "step_idx", {0, 1, 2, 0, 1});
  }));
  ASSERT_EQ(dataset->episodes().size(), 2U);
  EXPECT_EQ(dataset->episodes()[1].length, 2);
  const EpisodeData episode = dataset->read(1);
  EXPECT_FALSE(episode.has_final_observation);
  EXPECT_THAT(numbers(dataset->schema().action, episode.action), ElementsAre(13, 14));
  EXPECT_THAT(episode.reward, ElementsAre(0, 0));
}

// The values that the package reads from our files.
TEST_F(StableWorldModelTest, WritesThePackagesRows) {
  const std::vector<EpisodeData> episodes = test::make_episodes(2);  // five steps and twelve
  const Hdf5File file =
      Hdf5File::open_read(write("a.h5", episodes, DatasetFormat::kStableWorldModel));
  EXPECT_THAT(file.read<int64_t>("ep_len"), ElementsAre(6, 13));
  EXPECT_THAT(file.read<int64_t>("ep_offset"), ElementsAre(0, 6));
  EXPECT_EQ(file.shape("pixels"), (std::vector<int64_t>{19, 2, 3}));
  const std::vector<float> action = file.read<float>("action"), reward = file.read<float>("reward");
  EXPECT_TRUE(std::isnan(action[10]) && std::isnan(action[11]) && !std::isnan(action[12]));
  EXPECT_TRUE(std::isnan(reward[0]) && std::isnan(reward[6]));
  EXPECT_EQ(reward[1], episodes[0].reward[0]);
  EXPECT_EQ(file.read<uint8_t>("terminated")[5], 1);
}

TEST_F(StableWorldModelTest, RefusesWhatDoesNotFitTogether) {
  const auto with_index = [&](const std::vector<int64_t>& lengths,
                              const std::vector<int64_t>& offsets) {
    return error([&](Hdf5File& file) {
      put_columns(file);
      put_index(file, lengths, offsets);
    });
  };
  constexpr int64_t kHuge = std::numeric_limits<int64_t>::max();
  EXPECT_THAT(with_index({3, 3}, {0, 3}), AllOf(HasSubstr("episode 1"), HasSubstr("ep_len")));
  EXPECT_THAT(with_index({3, 2}, {0, 4}), HasSubstr("episode 1"));
  EXPECT_THAT(with_index({3, 2}, {0, 2}), HasSubstr("episode 1"));  // shares a row with the first
  EXPECT_THAT(with_index({3, kHuge}, {0, 3}), HasSubstr("episode 1"));
  EXPECT_THAT(with_index({3, 2}, {0, kHuge}), HasSubstr("episode 1"));
  EXPECT_THAT(with_index({3, 2}, {-1, 3}), HasSubstr("episode 0"));
  EXPECT_THAT(with_index({3, 0}, {0, 3}), HasSubstr("episode 1"));
  EXPECT_THAT(with_index({3, 1}, {0, 3}), HasSubstr("only the row of its reset"));
  EXPECT_THAT(with_index({3}, {0, 3}), HasSubstr("1 episodes in ep_len, but 2"));
  EXPECT_THAT(with_index({}, {}), HasSubstr("no episode"));
  EXPECT_THAT(error([](Hdf5File& file) {
                put<float>(file, "observation", {0, 1});
                put_index(file);
              }),
              HasSubstr("action"));
  EXPECT_THAT(error([](Hdf5File& file) {
                put<float>(file, "action", {0, NAN});
                put_index(file, {2}, {0});
              }),
              HasSubstr("no column that could be an observation"));
  EXPECT_THAT(error([](Hdf5File& file) {
                put_columns(file);
                put_index(file);
                put<float>(file, "reward", {0, 1});
              }),
              AllOf(HasSubstr("reward"), HasSubstr("2 rows")));
  EXPECT_THAT(error([](Hdf5File& file) {
                put_columns(file);
                put_index(file);
                put<int64_t>(file, "terminated", {0, 0, 2, 0, 0});
              }),
              AllOf(HasSubstr("terminated"), HasSubstr("row 2 is 2")));
  EXPECT_THAT(error([](Hdf5File& file) {
                put_columns(file);
                put<int64_t>(file, "episode_idx", {0, 0, 0, 1, 1});
                put<int64_t>(file, "step_idx", {0, 1, 1, 0, 1});
              }),
              HasSubstr("step_idx: row 2"));
}

// A process that is killed while writing leaves the episodes that were complete.
TEST_F(StableWorldModelTest, UnfinishedFileIsRead) {
  const auto writer =
      DatasetWriter::create(path("a"), DatasetFormat::kStableWorldModel, test::test_schema());
  Rng rng(1);
  for (int i = 0; i < 4000; ++i) writer->append(test::make_episode(rng, 20, false));
  fs::copy_file(path("a.partial"), path("copy"));
  const auto dataset = Dataset::open(path("copy"));
  EXPECT_GT(dataset->steps(), 60'000);
  Rng again(1);
  for (size_t e = 0; e < dataset->episodes().size(); ++e) {
    ASSERT_EQ(dataset->read(static_cast<int64_t>(e)).action,
              test::make_episode(again, 20, false).action)
        << e;
  }
}

}  // namespace
}  // namespace reverie
