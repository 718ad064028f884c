#pragma once

// Small episodes of two observation fields, and the folder that datasets of them are written to.

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/random.h"
#include "datasets/dataset.h"
#include "tests/temporary_folder.h"

namespace reverie::test {

inline DatasetSchema test_schema() {
  return {.observation = {{.name = "observation", .shape = {4}},
                          {.name = "pixels", .shape = {2, 3}, .dtype = DType::kUInt8}},
          .action = {.name = "action", .shape = {2}, .low = {-1.0F}, .high = {1.0F}},
          .info = {{.name = "qpos", .shape = {2}}},
          .attributes = {{"env", "maze2d-umaze"}, {"policy", "test"}}};
}

inline std::vector<std::byte> bytes_of(const std::vector<float>& values) {
  const auto bytes = std::as_bytes(std::span(values));
  return {bytes.begin(), bytes.end()};
}

// A walk with small steps from a random place around (middle, middle, ...).
inline EpisodeData make_episode(Rng& rng, int64_t length, bool terminates, double middle = 0.0) {
  std::vector<float> observation, action, qpos;
  std::vector<std::byte> pixels;
  std::array<float, 4> state{};
  for (float& x : state) x = static_cast<float>(middle + rng.uniform(-1.0, 1.0));
  EpisodeData episode;
  for (int64_t t = 0; t <= length; ++t) {
    observation.insert(observation.end(), state.begin(), state.end());
    for (int i = 0; i < 6; ++i) pixels.push_back(static_cast<std::byte>(rng.integers(0, 256)));
    qpos.insert(qpos.end(), state.begin(), state.begin() + 2);
    if (t == length) break;
    for (float& x : state) x += static_cast<float>(rng.uniform(-0.1, 0.1));
    for (int i = 0; i < 2; ++i) action.push_back(static_cast<float>(rng.uniform(-1.0, 1.0)));
    episode.reward.push_back(static_cast<float>(rng.uniform(0.0, 1.0)));
    episode.terminated.push_back(terminates && t + 1 == length ? 1 : 0);
    episode.truncated.push_back(!terminates && t + 1 == length ? 1 : 0);
  }
  episode.observation = {bytes_of(observation), pixels};
  episode.action = bytes_of(action);
  episode.info = {bytes_of(qpos)};
  episode.seed = static_cast<int64_t>(rng.next_uint64());
  return episode;
}

inline std::vector<EpisodeData> make_episodes(int count) {
  Rng rng(1);
  std::vector<EpisodeData> episodes;
  for (int i = 0; i < count; ++i) {
    episodes.push_back(make_episode(rng, 5 + 7 * (i % 5), i % 3 == 0, i % 2 == 0 ? 4.0 : -4.0));
  }
  return episodes;
}

inline void expect_same(const EpisodeData& got, const EpisodeData& expected) {
  EXPECT_EQ(got.observation, expected.observation);
  EXPECT_EQ(got.action, expected.action);
  EXPECT_EQ(got.reward, expected.reward);
  EXPECT_EQ(got.terminated, expected.terminated);
  EXPECT_EQ(got.truncated, expected.truncated);
  EXPECT_EQ(got.info, expected.info);
  EXPECT_EQ(got.has_final_observation, expected.has_final_observation);
  EXPECT_EQ(got.has_final_info, expected.has_final_info);
}

class DatasetFolder {
 public:
  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  // Writes a dataset of that name; its path.
  std::string write(const std::string& name, const std::vector<EpisodeData>& episodes,
                    DatasetFormat format, const DatasetSchema& schema = test_schema()) const {
    const auto writer = DatasetWriter::create(path(name), format, schema);
    for (const EpisodeData& episode : episodes) writer->append(episode);
    writer->commit();
    return path(name);
  }

 protected:
  TemporaryFolder folder_;
};

}  // namespace reverie::test
