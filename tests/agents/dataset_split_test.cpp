// How a run knows its dataset again.

#include "agents/training/dataset_split.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nn/pch.h"
#include "tests/datasets/episodes.h"
#include "tests/errors.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

class DatasetIdentityTest : public testing::Test, public test::DatasetFolder {
 protected:
  static DatasetIdentity identity(const std::string& path) {
    return DatasetIdentity::of(*Dataset::open(path));
  }
};

TEST_F(DatasetIdentityTest, AMovedFilePassesAndAnotherOfEqualCountsDoesNot) {
  std::vector<EpisodeData> episodes = test::make_episodes(5);
  const std::string path = write("a.h5", episodes, DatasetFormat::kD4rl);
  Checkpoint saved;
  identity(path).save(saved);
  fs::rename(path, folder_ / "moved.h5");
  identity((folder_ / "moved.h5").string()).check(saved);

  episodes[2].action[7] ^= std::byte{0x80};  // one action is flipped
  const DatasetIdentity other = identity(write("b.h5", episodes, DatasetFormat::kD4rl));
  EXPECT_THAT(
      test::input_error([&] { other.check(saved); }),
      AllOf(HasSubstr("b.h5"), HasSubstr(other.content), HasSubstr(saved.text("dataset.content"))));
}

}  // namespace
}  // namespace reverie
