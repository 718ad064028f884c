// A dataset as a source of batches: each batch agrees with the file.

#include "agents/training/dataset_replay.h"

#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nn/pch.h"
#include "tests/errors.h"
#include "tests/temporary_folder.h"

namespace reverie {
namespace {

using test::input_error;
using testing::AllOf;
using testing::HasSubstr;

DatasetSchema schema() {
  return {.observation = {{.name = "observation", .shape = {2}},
                          {.name = "pixels", .shape = {2, 2, 3}, .dtype = DType::kUInt8}},
          .action = {.name = "action", .shape = {1}, .low = {-1.0F}, .high = {1.0F}},
          .info = {{.name = "qpos", .shape = {1}, .dtype = DType::kFloat64}}};
}

template <typename T>
void append(std::vector<std::byte>& to, std::initializer_list<T> values) {
  for (const T value : values) {
    const auto bytes = std::as_bytes(std::span(&value, 1));
    to.insert(to.end(), bytes.begin(), bytes.end());
  }
}

// Row t of episode e observes (e, t), its action is e + t / 100 and its qpos 100 e + t.
EpisodeData episode(int e, int length, bool terminated) {
  EpisodeData data;
  data.observation.resize(2);
  data.info.resize(1);
  for (int t = 0; t <= length; ++t) {
    append(data.observation[0], {static_cast<float>(e), static_cast<float>(t)});
    for (int i = 0; i < 12; ++i) data.observation[1].push_back(std::byte(10 * e + t));
    append(data.info[0], {100.0 * e + t});
    if (t == length) break;
    append(data.action, {static_cast<float>(e) + static_cast<float>(t) / 100.0F});
    data.reward.push_back(static_cast<float>(10 * e + t));
    data.terminated.push_back(t + 1 == length && terminated ? 1 : 0);
    data.truncated.push_back(t + 1 == length && !terminated ? 1 : 0);
  }
  return data;
}

class DatasetReplay : public testing::Test {
 protected:
  std::unique_ptr<Dataset> write(const std::vector<EpisodeData>& episodes,
                                 DatasetFormat format = DatasetFormat::kD4rl) {
    const std::string path = (folder_ / fmt::format("data{}", ++files_)).string();
    const auto writer = DatasetWriter::create(path, format, schema());
    for (const EpisodeData& data : episodes) writer->append(data);
    writer->commit();
    return Dataset::open(path);
  }

  test::TemporaryFolder folder_;
  int files_ = 0;
};

TEST_F(DatasetReplay, TransitionsAreThoseOfTheFile) {
  const auto dataset = write({episode(1, 4, false), episode(2, 3, true), episode(3, 1, false)});
  const auto replay = load_replay(*dataset, {}, at::kCPU);
  EXPECT_EQ(replay->size(), 8);
  Rng rng(1);
  const Batch batch = replay->sample(500, {}, rng);
  std::set<std::pair<float, float>> seen;
  for (int64_t i = 0; i < 500; ++i) {
    const auto now = batch.obs.at("observation")[i];
    const auto next = batch.next_obs.at("observation")[i];
    const float e = now[0].item<float>();
    const float t = now[1].item<float>();
    seen.emplace(e, t);
    EXPECT_EQ(next[0].item<float>(), e);
    EXPECT_EQ(next[1].item<float>(), t + 1);
    EXPECT_FLOAT_EQ(batch.action[i][0].item<float>(), e + t / 100);
    EXPECT_EQ(batch.reward[i].item<float>(), 10 * e + t);
    EXPECT_FLOAT_EQ(batch.discount[i].item<float>(), e == 2 && t == 2 ? 0.0F : 0.99F);
    EXPECT_EQ(batch.next_obs.at("pixels")[i][1][1][2].item<int>(), 10 * e + t + 1);
  }
  EXPECT_EQ(seen.size(), 8U);
}

TEST_F(DatasetReplay, SequencesStayWithinAnEpisodeAndReachItsEnd) {
  const auto dataset = write({episode(1, 4, false), episode(2, 3, true)});
  const auto replay = load_replay(*dataset, {}, at::kCPU);
  Rng rng(1);
  const SequenceBatch batch = replay->sample_sequences(200, {.length = 3}, rng);
  const at::Tensor obs = batch.obs.at("observation");  // [B, 4, 2]
  EXPECT_TRUE(at::equal(obs.select(2, 0), obs.select(2, 0).slice(1, 0, 1).expand({200, 4})));
  const at::Tensor steps = obs.select(2, 1).diff(1, 1);
  EXPECT_TRUE(at::equal(steps, at::ones_like(steps)));
  EXPECT_EQ(obs.select(2, 1).max().item<float>(), 4) << "the final observation";
}

TEST_F(DatasetReplay, TakesTheFieldsAndEpisodesThatAreAskedFor) {
  const auto dataset = write({episode(1, 4, false), episode(2, 3, true), episode(3, 5, false)});
  const auto replay =
      load_replay(*dataset, {.episodes = {2, 0}, .fields = {"qpos", "pixels"}}, at::kCPU);
  EXPECT_EQ(replay->size(), 9);
  ASSERT_EQ(replay->episodes().size(), 2U);
  EXPECT_EQ(replay->episodes()[0].length, 5);
  Rng rng(1);
  const Batch batch = replay->sample(100, {}, rng);
  EXPECT_FALSE(batch.obs.contains("observation"));
  const at::Tensor qpos = batch.obs.at("qpos").squeeze(1);
  EXPECT_TRUE(at::equal(batch.next_obs.at("qpos").squeeze(1), qpos + 1));
  EXPECT_FALSE(((qpos >= 200) & (qpos < 300)).any().item<bool>()) << "episode 1 was not asked for";
}

TEST_F(DatasetReplay, WithoutAFinalObservationTheLastStepIsLeftOutUnlessItTerminated) {
  for (const bool terminated : {false, true}) {
    EpisodeData cut = episode(1, 4, terminated);
    cut.observation[0].resize(4 * 2 * sizeof(float));
    cut.observation[1].resize(4 * 12);
    cut.has_final_observation = false;
    const auto dataset = write({cut, episode(2, 2, false)});
    const auto replay = load_replay(*dataset, {}, at::kCPU);
    EXPECT_EQ(replay->size(), terminated ? 6 : 5);
    Rng rng(1);
    const Batch batch = replay->sample(200, {}, rng);
    const at::Tensor first = batch.obs.at("observation").select(1, 0) == 1;
    const at::Tensor next = batch.next_obs.at("observation").select(1, 1).masked_select(first);
    EXPECT_EQ(next.max().item<float>(), 3);
    EXPECT_EQ((batch.discount == 0).any().item<bool>(), terminated);
  }
}

// Whether the episode is learnt from or held out.
TEST_F(DatasetReplay, SequencesHoldWhatWasSeenAlone) {
  std::vector<EpisodeData> episodes;
  for (int e = 0; e < 4; ++e) {
    EpisodeData& data = episodes.emplace_back(episode(e, 4, true));
    data.observation[0].resize(4 * 2 * sizeof(float));
    data.observation[1].resize(4 * 12);
    data.has_final_observation = false;
  }
  const auto dataset = write(episodes);
  for (const std::vector<int64_t>& part : {std::vector<int64_t>{0, 2}, {1, 3}, {3}}) {
    for (const char* field : {"observation", "pixels"}) {
      const auto replay = load_replay(*dataset, {.episodes = part, .fields = {field}}, at::kCPU);
      EXPECT_EQ(replay->size(), 4 * static_cast<int64_t>(part.size()));
      EXPECT_EQ(replay->longest_episode(), 3);
      Rng rng(1);
      for (const int64_t length : {1, 3}) {
        const at::Tensor seen = replay->sample_sequences(200, {.length = length}, rng)
                                    .obs.at(field)
                                    .flatten(2)
                                    .select(2, 1)
                                    .to(at::kFloat);
        EXPECT_TRUE((seen.diff(1, 1) == 1.0F).all().item<bool>()) << "a frame twice";
      }
      EXPECT_THAT(input_error([&] { replay->sample_sequences(1, {.length = 4}, rng); }),
                  HasSubstr("3 steps"));
    }
    // The simulator's state after the last action is known.
    const auto info = load_replay(*dataset, {.episodes = part, .fields = {"qpos"}}, at::kCPU);
    EXPECT_EQ(info->longest_episode(), 4);
  }
}

TEST_F(DatasetReplay, LargerThanTheBudgetItLiesInFiles) {
  const auto dataset = write({episode(1, 40, false), episode(2, 30, true)});
  const ReplayOptions small{.memory_budget = 100, .disk_folder = folder_.path()};
  const auto on_disk = load_replay(*dataset, {}, at::kCPU, small);
  const auto in_memory = load_replay(*dataset, {}, at::kCPU);
  EXPECT_TRUE(on_disk->on_disk());
  EXPECT_FALSE(in_memory->on_disk());
  Rng a(1), b(1);
  EXPECT_TRUE(at::equal(on_disk->sample(64, {}, a).obs.at("pixels"),
                        in_memory->sample(64, {}, b).obs.at("pixels")));
}

TEST_F(DatasetReplay, SaysWhatIsNotThere) {
  const auto dataset = write({episode(1, 4, false)});
  const auto load = [&](const DatasetSelection& selection) {
    return input_error([&] { load_replay(*dataset, selection, at::kCPU); });
  };
  EXPECT_THAT(load({.fields = {"pixel"}}), AllOf(HasSubstr("pixel"), HasSubstr("pixels")));
  EXPECT_THAT(load({.episodes = {1}}), AllOf(HasSubstr("episode 1"), HasSubstr("it has 1")));
  EpisodeData lonely = episode(1, 1, false);
  lonely.observation[0].resize(2 * sizeof(float));
  lonely.observation[1].resize(12);
  lonely.has_final_observation = false;
  const auto nothing = write({lonely});
  EXPECT_THAT(input_error([&] { load_replay(*nothing, {}, at::kCPU); }),
              HasSubstr("no step is left"));
}

}  // namespace
}  // namespace reverie
