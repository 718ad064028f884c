// How the dataset of a run is identified when it resumes.

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
  DatasetIdentity first = identity(path);
  const Checkpoint saved = take_checkpoint(first);
  fs::rename(path, folder_ / "moved.h5");
  DatasetIdentity moved = identity((folder_ / "moved.h5").string());
  load_state(moved, saved);

  episodes[2].action[7] ^= std::byte{0x80};  // one action is flipped
  DatasetIdentity other = identity(write("b.h5", episodes, DatasetFormat::kD4rl));
  EXPECT_THAT(
      test::input_error([&] { load_state(other, saved); }),
      AllOf(HasSubstr("b.h5"), HasSubstr(other.content), HasSubstr(saved.text("dataset.content"))));
}

}  // namespace
}  // namespace reverie
