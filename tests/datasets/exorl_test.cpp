// ExoRL's layout: its own files, and those that we write.

#include "datasets/formats/exorl.h"

#include <cmath>
#include <fstream>
#include <functional>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/field_numbers.h"
#include "datasets/formats/npz.h"
#include "tests/datasets/episodes.h"
#include "tests/errors.h"

namespace reverie {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
namespace fs = std::filesystem;

std::vector<std::byte> floats(std::vector<int64_t> row, const std::vector<float>& values) {
  return npy_file({.name = "", .shape = std::move(row)}, std::as_bytes(std::span(values)));
}

class ExorlTest : public testing::Test, public test::DatasetFolder {
 protected:
  using Arrays = std::map<std::string, std::vector<std::byte>>;

  // An episode of two steps as ExoRL stores it.
  static Arrays episode(float last_discount = 1.0F) {
    return {{"observation", floats({2}, {0, 1, 2, 3, 4, 5})},
            {"action", floats({1}, {0, 10, 11})},
            {"reward", floats({1}, {0, 20, 21})},
            {"discount", floats({1}, {1, 1, last_discount})},
            {"physics", floats({3}, {0, 1, 2, 3, 4, 5, 6, 7, 8})}};
  }

  std::string write_file(const std::string& name, const Arrays& arrays) const {
    fs::create_directories(folder_ / "d/buffer");
    const std::vector<std::pair<std::string, std::vector<std::byte>>> list(arrays.begin(),
                                                                           arrays.end());
    write_npz(folder_ / "d/buffer" / name, list);
    return path("d");
  }

  std::string error(const std::string& name, const std::function<void(Arrays&)>& change) const {
    fs::remove_all(folder_ / "d");
    Arrays arrays = episode();
    change(arrays);
    return test::input_error([&] { Dataset::open(write_file(name, arrays))->read(0); });
  }
};

TEST_F(ExorlTest, ForeignEpisodes) {
  // The numbers decide the order, also where they are not padded.
  write_file("episode_10_2.npz", episode(0.0F));
  const auto dataset = Dataset::open(write_file("episode_2_2.npz", episode()));
  EXPECT_EQ(dataset->format(), DatasetFormat::kExorl);
  ASSERT_EQ(dataset->episodes().size(), 2U);
  EXPECT_EQ(dataset->steps(), 4);
  EXPECT_TRUE(dataset->episodes()[0].truncated);
  EXPECT_TRUE(dataset->episodes()[1].terminated);
  ASSERT_EQ(dataset->schema().info.size(), 1U);
  EXPECT_EQ(dataset->schema().info[0].name, "physics");
  const EpisodeData episode = dataset->read(1);
  EXPECT_THAT(numbers(dataset->schema().observation[0], episode.observation[0]),
              ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_THAT(numbers(dataset->schema().action, episode.action), ElementsAre(10, 11));
  EXPECT_THAT(episode.reward, ElementsAre(20, 21));
  EXPECT_THAT(episode.terminated, ElementsAre(0, 1));
  EXPECT_THAT(episode.truncated, ElementsAre(0, 0));
  EXPECT_TRUE(episode.has_final_info);
  EXPECT_EQ(episode.info[0].size(), 9 * sizeof(float));
  // The folder of the episodes itself, which ExoRL's loader takes.
  EXPECT_EQ(Dataset::open(path("d/buffer"))->steps(), 4);
}

// The values that ExoRL's tools read from our files.
TEST_F(ExorlTest, PhysicsIsPositionAndVelocity) {
  DatasetSchema schema = test::test_schema();
  schema.info.push_back({.name = "qvel", .shape = {1}, .dtype = DType::kFloat64});
  std::vector<EpisodeData> episodes = test::make_episodes(1);  // five steps
  const std::vector<double> velocity{10, 11, 12, 13, 14, 15};
  const auto bytes = std::as_bytes(std::span(velocity));
  episodes[0].info.emplace_back(bytes.begin(), bytes.end());
  const std::string folder = write("d", episodes, DatasetFormat::kExorl, schema);
  const NpzFile file(fs::path(folder) / "buffer/episode_000000_5.npz");
  const NpzFile::Array* physics = file.find("physics");
  ASSERT_NE(physics, nullptr);
  EXPECT_EQ(physics->header.shape, (std::vector<int64_t>{6, 3}));
  EXPECT_EQ(physics->header.dtype, DType::kFloat64);
  EXPECT_EQ(file.find("qpos"), nullptr);
  EXPECT_EQ(file.find("reward")->header.shape, (std::vector<int64_t>{6, 1}));
  const auto dataset = Dataset::open(folder);
  ASSERT_EQ(dataset->schema().info.size(), 2U);
  const EpisodeData episode = dataset->read(0);
  EXPECT_EQ(numbers(dataset->schema().info[1], episode.info[1]), velocity);
  EXPECT_EQ(numbers(dataset->schema().info[0], episode.info[0]),
            numbers(schema.info[0], episodes[0].info[0]));
}

TEST_F(ExorlTest, RefusesWhatDoesNotFitTogether) {
  const std::string name = "episode_0_2.npz";
  EXPECT_THAT(error("episode.npz", [](Arrays&) {}), HasSubstr("episode_000012_1000.npz"));
  EXPECT_THAT(error("episode_0_-2.npz", [](Arrays&) {}), HasSubstr("expected a name"));
  EXPECT_THAT(error("episode_0_99999999999999999999.npz", [](Arrays&) {}),
              HasSubstr("expected a name"));
  EXPECT_THAT(error("episode_0_3.npz", [](Arrays&) {}), AllOf(HasSubstr("3 rows"), HasSubstr("4")));
  EXPECT_THAT(error("episode_0_0.npz", [](Arrays&) {}), HasSubstr("0 steps"));
  EXPECT_THAT(error(name, [](Arrays& a) { a.erase("discount"); }),
              AllOf(HasSubstr("'discount'"), HasSubstr("reward")));
  EXPECT_THAT(error(name, [](Arrays& a) { a.erase("observation"); }), HasSubstr("'observation'"));
  EXPECT_THAT(error(name,
                    [](Arrays& a) {
                      a["action"] = floats({1}, {0, 1});
                    }),
              HasSubstr("action: has 2 rows"));
  EXPECT_THAT(error(name,
                    [](Arrays& a) {
                      a["reward"] = floats({2}, {0, 1, 2, 3, 4, 5});
                    }),
              HasSubstr("one number a row"));
  EXPECT_THAT(error(name,
                    [](Arrays& a) {
                      a["discount"] = floats({1}, {1, NAN, 1});
                    }),
              HasSubstr("expected 0 to 1"));
  EXPECT_THAT(error(name,
                    [](Arrays& a) {
                      a["discount"] = floats({1}, {1, 0, 1});
                    }),
              HasSubstr("1 rows follow"));
  EXPECT_THAT(
      error(name, [](Arrays& a) { a["physics"] = npy_file({.name = "", .shape = {}}, {}); }),
      HasSubstr("hold something"));
  EXPECT_THAT(error(name, [](Arrays& a) { a["../physics"] = a["physics"]; }),
              HasSubstr("without path"));
  // Another episode with other fields.
  fs::remove_all(folder_ / "d");
  write_file("episode_0_2.npz", episode());
  Arrays other = episode();
  other["observation"] = floats({3}, std::vector<float>(9));
  EXPECT_THAT(test::input_error([&] { Dataset::open(write_file("episode_1_2.npz", other)); }),
              AllOf(HasSubstr("episode_1_2.npz:observation"), HasSubstr("first episode")));
}

TEST_F(ExorlTest, RefusesMetadataThatDoesNotFit) {
  write_file("episode_0_2.npz", episode());
  const auto with = [&](const std::string& text) {
    std::ofstream(folder_ / "d/metadata.json") << text;
    return test::input_error([&] { Dataset::open(path("d")); });
  };
  EXPECT_THAT(with("["), AllOf(HasSubstr("metadata.json"), HasSubstr("not JSON")));
  EXPECT_THAT(with("[]"), HasSubstr("not a JSON object"));
  EXPECT_THAT(with(R"({"observation": 3})"), HasSubstr("list of names"));
  EXPECT_THAT(with(R"({"observation": ["x"]})"), HasSubstr("'x'"));
  EXPECT_THAT(with(R"({"info": ["qpos", "qvel"], "nq": 3})"), HasSubstr("nq = 3"));
  EXPECT_THAT(with(R"({"info": ["qpos"], "nq": -1})"), HasSubstr("nq = -1"));
  EXPECT_THAT(with(R"({"nq": 1.5})"), HasSubstr("'nq'"));
}

TEST_F(ExorlTest, FolderWithoutEpisodes) {
  fs::create_directories(folder_ / "d/buffer");
  EXPECT_THAT(test::input_error([&] { Dataset::open(path("d")); }),
              AllOf(HasSubstr("minari"), HasSubstr("exorl")));
}

// A killed process leaves a dataset of the complete episodes.
TEST_F(ExorlTest, UnfinishedFolderIsRead) {
  const auto writer = DatasetWriter::create(path("a"), DatasetFormat::kExorl, test::test_schema());
  for (const EpisodeData& episode : test::make_episodes(3)) writer->append(episode);
  EXPECT_EQ(Dataset::open(path("a.partial"))->episodes().size(), 3U);
  EXPECT_FALSE(fs::exists(path("a")));
}

}  // namespace
}  // namespace reverie
