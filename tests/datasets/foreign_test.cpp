// Datasets as the packages that own the layouts wrote them: tests/golden/datasets.py.

#include <array>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/field_numbers.h"
#include "datasets/dataset.h"
#include "tests/errors.h"
#include "tests/temporary_folder.h"

namespace reverie {
namespace {

constexpr std::array<int64_t, 2> kLengths{4, 3};  // the first episode terminates
constexpr int kObservation = 0, kAction = 1, kReward = 2, kState = 3, kGoal = 4;

std::unique_ptr<Dataset> open(const std::string& name) {
  return Dataset::open(std::string(REVERIE_GOLDEN_DIR) + "/datasets/" + name);
}

// rows() of the generator: each row begins with 100 episode + 10 column + step.
std::vector<double> rows(int64_t episode, int64_t first, int64_t count, int column, int width) {
  std::vector<double> values;
  for (int64_t step = first; step < first + count; ++step) {
    for (int i = 0; i < width; ++i) {
      values.push_back(static_cast<double>(100 * episode + 10 * column + step) + 0.5 * i);
    }
  }
  return values;
}

std::vector<double> column(const Dataset& dataset, const EpisodeData& episode,
                           const std::string& name) {
  const DatasetSchema& schema = dataset.schema();
  for (size_t f = 0; f < schema.observation.size(); ++f) {
    if (schema.observation[f].name == name) {
      return numbers(schema.observation[f], episode.observation[f]);
    }
  }
  for (size_t f = 0; f < schema.info.size(); ++f) {
    if (schema.info[f].name == name) return numbers(schema.info[f], episode.info[f]);
  }
  ADD_FAILURE() << "no field " << name;
  return {};
}

// Checks that all layouts share. `row` of reward and action: the first row that the layout counts.
void expect_episodes(Dataset& dataset, const std::string& observation, int64_t row) {
  ASSERT_EQ(dataset.episodes().size(), kLengths.size());
  for (size_t e = 0; e < kLengths.size(); ++e) {
    SCOPED_TRACE(e);
    const auto index = static_cast<int64_t>(e);
    EXPECT_EQ(dataset.episodes()[e].length, kLengths[e]);
    EXPECT_EQ(dataset.episodes()[e].terminated, e == 0);
    EXPECT_EQ(dataset.episodes()[e].truncated, e == 1);
    const EpisodeData episode = dataset.read(index);
    const int64_t observed = kLengths[e] + (episode.has_final_observation ? 1 : 0);
    EXPECT_EQ(column(dataset, episode, observation), rows(index, 0, observed, kObservation, 2));
    EXPECT_EQ(numbers(dataset.schema().action, episode.action),
              rows(index, row, kLengths[e], kAction, 2));
    EXPECT_EQ(std::vector<double>(episode.reward.begin(), episode.reward.end()),
              rows(index, row, kLengths[e], kReward, 1));
    EXPECT_EQ(episode.terminated.back(), e == 0 ? 1 : 0);
  }
}

TEST(ForeignTest, D4rl) {
  const auto dataset = open("d4rl.hdf5");
  EXPECT_EQ(dataset->format(), DatasetFormat::kD4rl);
  expect_episodes(*dataset, "observation", 0);
  EXPECT_FALSE(dataset->read(0).has_final_observation);
}

TEST(ForeignTest, Minari) {
  const auto dataset = open("minari");
  EXPECT_EQ(dataset->format(), DatasetFormat::kMinari);
  expect_episodes(*dataset, "observation", 0);
  EXPECT_EQ(dataset->schema().attributes.at("dataset_id"), "golden/test-v0");
  const EpisodeData episode = dataset->read(1);
  EXPECT_EQ(column(*dataset, episode, "desired_goal"), rows(1, 0, 4, kGoal, 2));
  EXPECT_EQ(column(*dataset, episode, "qpos"), rows(1, 0, 4, kState, 2));
  EXPECT_TRUE(episode.has_final_info);
  EXPECT_EQ(episode.seed, 1001);
}

TEST(ForeignTest, Exorl) {
  const auto dataset = open("exorl");
  EXPECT_EQ(dataset->format(), DatasetFormat::kExorl);
  expect_episodes(*dataset, "observation", 1);
  const EpisodeData episode = dataset->read(1);
  EXPECT_EQ(column(*dataset, episode, "physics"), rows(1, 0, 4, kState, 5));
}

void expect_pixels(Dataset& dataset) {
  const EpisodeData episode = dataset.read(1);
  const std::vector<double> pixels = column(dataset, episode, "pixels");
  ASSERT_EQ(pixels.size(), 4U * 4 * 5 * 3);
  for (size_t i = 0; i < pixels.size(); ++i) EXPECT_EQ(pixels[i], 50 + i / 60) << i;
}

TEST(ForeignTest, StableWorldModel) {
  const auto dataset = open("stable_worldmodel.h5");
  EXPECT_EQ(dataset->format(), DatasetFormat::kStableWorldModel);
  expect_episodes(*dataset, "proprio", 0);
  expect_pixels(*dataset);
}

// As the package writes it, with bools of the newest file format.
TEST(ForeignTest, StableWorldModelsBools) {
  EXPECT_THAT(test::input_error([] { open("stable_worldmodel_bool.h5"); }),
              testing::AllOf(testing::HasSubstr("terminated"), testing::HasSubstr("uint8")));
}

// Packed by hdf5plugin, with the older index and without flags.
TEST(ForeignTest, Blosc) {
  const auto dataset = open("blosc.h5");
  EXPECT_EQ(dataset->format(), DatasetFormat::kStableWorldModel);
  ASSERT_EQ(dataset->steps(), 7);
  const EpisodeData episode = dataset->read(1);
  EXPECT_EQ(column(*dataset, episode, "proprio"), rows(1, 0, 4, kObservation, 2));
  EXPECT_EQ(numbers(dataset->schema().action, episode.action), rows(1, 0, 3, kAction, 2));
  expect_pixels(*dataset);
}

// Packed chunks with one wrong byte are read or refused.
TEST(ForeignTest, DamagedBlosc) {
  std::ifstream in(std::string(REVERIE_GOLDEN_DIR) + "/datasets/blosc.h5", std::ios::binary);
  const std::string good{std::istreambuf_iterator<char>(in), {}};
  const test::TemporaryFolder folder;
  const std::string path = (folder / "a.h5").string();
  int refused = 0;
  for (size_t at = 0; at < good.size(); at += 157) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x5a);
    std::ofstream(path, std::ios::binary) << bad;
    const auto [message, kind] = test::error_of([&] {
      const auto dataset = Dataset::open(path);
      for (size_t e = 0; e < dataset->episodes().size(); ++e) {
        dataset->read(static_cast<int64_t>(e));
      }
    });
    EXPECT_EQ(kind, ErrorKind::kInput) << message;
    refused += message.empty() ? 0 : 1;
  }
  EXPECT_GT(refused, 2);
}

}  // namespace
}  // namespace reverie
