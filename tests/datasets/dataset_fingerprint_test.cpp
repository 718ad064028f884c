// The properties that distinguish datasets.

#include "datasets/dataset_fingerprint.h"

#include <filesystem>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/datasets/episodes.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;
using test::make_episodes;
using test::test_schema;

class DatasetFingerprint : public testing::TestWithParam<DatasetFormat>,
                           public test::DatasetFolder {
 protected:
  uint64_t of(const std::vector<EpisodeData>& episodes, int64_t budget = 1 << 20,
              const DatasetSchema& schema = test_schema()) {
    const std::string name = fmt::format("data{}", ++files_);
    return dataset_fingerprint(*Dataset::open(write(name, episodes, GetParam(), schema)), budget);
  }

  int files_ = 0;
};

TEST_P(DatasetFingerprint, ACopyHasTheSame) {
  const std::string path = write("a", make_episodes(6), GetParam());
  const uint64_t here = dataset_fingerprint(*Dataset::open(path));
  fs::create_directory(folder_ / "elsewhere");
  fs::copy(path, folder_ / "elsewhere/b", fs::copy_options::recursive);
  EXPECT_EQ(dataset_fingerprint(*Dataset::open((folder_ / "elsewhere/b").string())), here);
  EXPECT_EQ(of(make_episodes(6)), here);
}

TEST_P(DatasetFingerprint, EveryChangeOfEqualCountsShows) {
  using Change = std::function<void(std::vector<EpisodeData>&)>;
  const std::vector<std::pair<const char*, Change>> changes = {
      {"a bit of an action", [](auto& episodes) { episodes[3].action[9] ^= std::byte{1}; }},
      {"a bit of the last action",
       [](auto& episodes) { episodes[5].action.back() ^= std::byte{1}; }},
      {"a reward", [](auto& episodes) { episodes[2].reward[4] += 1.0F; }},
      {"the end", [](auto& episodes) { std::swap(episodes[1].terminated, episodes[1].truncated); }},
      {"the order", [](auto& episodes) { std::swap(episodes[0], episodes[2]); }},
  };
  const uint64_t unchanged = of(make_episodes(6));
  for (const auto& [what, change] : changes) {
    std::vector<EpisodeData> episodes = make_episodes(6);
    change(episodes);
    EXPECT_NE(of(episodes), unchanged) << what;
  }
  DatasetSchema renamed = test_schema();
  renamed.info[0].name = "qvel";
  EXPECT_NE(of(make_episodes(6), 1 << 20, renamed), unchanged);
}

// Beyond the budget only every k-th episode is read; lengths and ends are always compared.
TEST_P(DatasetFingerprint, ALargeDatasetIsReadInPart) {
  constexpr int64_t kStepBytes = 2 * 4 + 4 + 2;
  int64_t steps = 0;
  for (const EpisodeData& episode : make_episodes(6)) steps += episode.length();
  const int64_t third = steps * kStepBytes / 3 + 1;  // episodes 0 and 3
  const uint64_t unchanged = of(make_episodes(6), third);
  for (size_t e = 0; e < 6; ++e) {
    std::vector<EpisodeData> episodes = make_episodes(6);
    episodes[e].action[0] ^= std::byte{1};
    EXPECT_EQ(of(episodes, third) != unchanged, e % 3 == 0) << e;
    episodes = make_episodes(6);
    std::swap(episodes[e].terminated, episodes[e].truncated);
    EXPECT_NE(of(episodes, third), unchanged) << e;
  }
}

TEST_P(DatasetFingerprint, StepsAloneAreThoseOfTheEpisode) {
  const auto dataset = Dataset::open(write("a", make_episodes(6), GetParam()));
  for (int64_t e = 0; e < 6; ++e) {
    const EpisodeData whole = dataset->read(e);
    const EpisodeData steps = dataset->read_steps(e);
    EXPECT_EQ(steps.action, whole.action);
    EXPECT_EQ(steps.reward, whole.reward);
    EXPECT_EQ(steps.terminated, whole.terminated);
    EXPECT_EQ(steps.truncated, whole.truncated);
    EXPECT_EQ(steps.seed, whole.seed);
    EXPECT_TRUE(steps.observation.empty() && steps.info.empty());
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, DatasetFingerprint,
                         testing::Values(DatasetFormat::kD4rl, DatasetFormat::kMinari,
                                         DatasetFormat::kExorl, DatasetFormat::kStableWorldModel),
                         [](const auto& test) {
                           std::string name(dataset_format_name(test.param));
                           std::erase(name, '-');
                           return name;
                         });

}  // namespace
}  // namespace reverie
