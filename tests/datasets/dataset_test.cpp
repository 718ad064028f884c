// Datasets: reading returns what was written in each layout, and faults are reported.

#include "datasets/dataset.h"

#include <cmath>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/field_numbers.h"
#include "core/random.h"
#include "datasets/dataset_check.h"
#include "datasets/formats/final_rows.h"
#include "datasets/hdf5.h"
#include "tests/datasets/episodes.h"
#include "tests/errors.h"

namespace reverie {
namespace {

using testing::AllOf;
using testing::HasSubstr;
namespace fs = std::filesystem;

using test::expect_same;
using test::make_episode;
using test::make_episodes;
using test::test_schema;

class DatasetTest : public testing::TestWithParam<DatasetFormat>, public test::DatasetFolder {};

TEST_P(DatasetTest, ReadsWhatWasWritten) {
  const std::vector<EpisodeData> episodes = make_episodes(40);
  const auto dataset = Dataset::open(write("a", episodes, GetParam()));
  EXPECT_EQ(dataset->format(), GetParam());
  EXPECT_TRUE(dataset->schema().same_fields(test_schema()));
  EXPECT_EQ(dataset->schema().attributes.at("env"), "maze2d-umaze");
  ASSERT_EQ(dataset->episodes().size(), episodes.size());
  int64_t start = 0;
  for (size_t i = 0; i < episodes.size(); ++i) {
    SCOPED_TRACE(i);
    EXPECT_EQ(dataset->episodes()[i].start, start);
    EXPECT_EQ(dataset->episodes()[i].terminated, i % 3 == 0);
    EXPECT_EQ(dataset->episodes()[i].truncated, i % 3 != 0);
    expect_same(dataset->read(static_cast<int64_t>(i)), episodes[i]);
    start += episodes[i].length();
  }
  EXPECT_EQ(dataset->steps(), start);
  expect_same(dataset->read(3), episodes[3]);  // out of order
}

TEST_P(DatasetTest, FinalInfoThatIsNotKnown) {
  std::vector<EpisodeData> episodes = make_episodes(4);
  for (size_t i : {size_t{0}, size_t{3}}) {
    episodes[i].has_final_info = false;
    episodes[i].info[0].resize(episodes[i].info[0].size() - test_schema().info[0].bytes());
  }
  const auto dataset = Dataset::open(write("a", episodes, GetParam()));
  for (size_t i = 0; i < episodes.size(); ++i) {
    SCOPED_TRACE(i);
    expect_same(dataset->read(static_cast<int64_t>(i)), episodes[i]);
  }
}

TEST_P(DatasetTest, AppearsOnCommitOrNotAtAll) {
  { const auto writer = DatasetWriter::create(path("a"), GetParam(), test_schema()); }
  EXPECT_TRUE(fs::is_empty(folder_.path()));
  write("a", make_episodes(1), GetParam());
  EXPECT_THAT(test::input_error([&] { write("a", make_episodes(1), GetParam()); }),
              HasSubstr("already exists"));
}

TEST_P(DatasetTest, RefusesEpisodesThatDoNotFit) {
  const auto writer = DatasetWriter::create(path("a"), GetParam(), test_schema());
  EpisodeData episode = make_episodes(1)[0];
  episode.action.pop_back();
  EXPECT_THAT(test::input_error([&] { writer->append(episode); }), HasSubstr("'action'"));
  EXPECT_THAT(test::input_error([&] { writer->append(EpisodeData{}); }),
              HasSubstr("without steps"));
}

TEST_P(DatasetTest, NamesOfFormats) {
  EXPECT_EQ(parse_dataset_format(dataset_format_name(GetParam())), GetParam());
  EXPECT_THAT(dataset_format_list(), HasSubstr(std::string(dataset_format_name(GetParam()))));
  EXPECT_THAT(test::input_error([] { parse_dataset_format("minary"); }), HasSubstr("minari"));
}

// Layouts that need the observation after the last action.
TEST_P(DatasetTest, LosesWhatItCannotHold) {
  if (GetParam() == DatasetFormat::kD4rl) GTEST_SKIP() << "it holds that";
  std::vector<EpisodeData> episodes = make_episodes(2);  // the first terminates
  const DatasetSchema schema = test_schema();
  for (EpisodeData& episode : episodes) {
    episode.has_final_observation = false;
    for (size_t f = 0; f < 2; ++f) {
      episode.observation[f].resize(episode.observation[f].size() - schema.observation[f].bytes());
    }
  }
  const auto dataset = Dataset::open(write("m", episodes, GetParam()));
  EXPECT_EQ(dataset->episodes()[0].length, episodes[0].length());
  EXPECT_TRUE(dataset->episodes()[0].terminated);
  EXPECT_EQ(dataset->episodes()[1].length, episodes[1].length() - 1);
  EXPECT_TRUE(dataset->episodes()[1].truncated);
  EXPECT_EQ(dataset->read(1).observation, episodes[1].observation);
  EXPECT_TRUE(dataset->read(1).has_final_observation);
  // The end of the first is marked as unknown: its row in the file is a placeholder.
  EXPECT_FALSE(dataset->read(0).has_final_observation);
  EXPECT_EQ(dataset->read(0).observation, episodes[0].observation);
  EXPECT_EQ(dataset->read(0).info, episodes[0].info);
  EXPECT_TRUE(dataset->schema().same_fields(schema));
  // The dropped step's row of the simulator is the state after the step before.
  EXPECT_TRUE(dataset->read(1).has_final_info);
}

INSTANTIATE_TEST_SUITE_P(Formats, DatasetTest,
                         testing::Values(DatasetFormat::kD4rl, DatasetFormat::kMinari,
                                         DatasetFormat::kExorl, DatasetFormat::kStableWorldModel),
                         [](const auto& test) {
                           std::string name(dataset_format_name(test.param));
                           std::erase(name, '-');
                           return name;
                         });

class D4rlTest : public DatasetTest {
 protected:
  // A file as other programs write it: `length` steps, whose columns `change` writes.
  std::string foreign(const std::function<void(Hdf5File&)>& change) const {
    Hdf5File file = Hdf5File::create(path("f"));
    change(file);
    file.commit();
    return path("f");
  }

  static void write_floats(Hdf5File& file, const std::string& name, std::vector<int64_t> shape) {
    size_t count = 1;
    for (const int64_t length : shape) count *= static_cast<size_t>(length);
    std::vector<float> values(count);
    for (size_t i = 0; i < count; ++i) values[i] = static_cast<float>(i);
    file.write<float>(name, shape, std::span<const float>(values));
  }

  static void write_flags(Hdf5File& file, const std::string& name, std::vector<uint8_t> flags) {
    const std::vector<int64_t> shape{static_cast<int64_t>(flags.size())};
    file.write(name, DType::kBool, shape, std::as_bytes(std::span(flags)));
  }

  static void write_columns(Hdf5File& file) {
    write_floats(file, "observations", {6, 4});
    write_columns_but_observations(file);
  }

  static void write_columns_but_observations(Hdf5File& file) {
    write_floats(file, "actions", {6, 2});
    write_floats(file, "rewards", {6});
    write_flags(file, "terminals", {0, 1, 0, 0, 0, 0});
  }
};

TEST_F(D4rlTest, EpisodesOfForeignFiles) {
  const auto dataset = Dataset::open(foreign([](Hdf5File& file) {
    write_columns(file);
    write_flags(file, "timeouts", {0, 0, 0, 1, 0, 0});
  }));
  ASSERT_EQ(dataset->episodes().size(), 3U);
  EXPECT_TRUE(dataset->episodes()[0].terminated);
  EXPECT_TRUE(dataset->episodes()[1].truncated);
  EXPECT_FALSE(dataset->episodes()[2].terminated || dataset->episodes()[2].truncated);
  const EpisodeData episode = dataset->read(1);
  EXPECT_FALSE(episode.has_final_observation);
  EXPECT_EQ(numbers(dataset->schema().observation[0], episode.observation[0]),
            (std::vector<double>{8, 9, 10, 11, 12, 13, 14, 15}));
  EXPECT_FALSE(episode.seed);
}

TEST_F(D4rlTest, NextObservationsGiveTheLastOne) {
  const auto dataset = Dataset::open(foreign([](Hdf5File& file) {
    write_columns(file);
    write_floats(file, "next_observations", {6, 4});
  }));
  const EpisodeData episode = dataset->read(0);
  EXPECT_TRUE(episode.has_final_observation);
  // Both columns count from 0; the second row of `next_observations` follows the last step.
  EXPECT_EQ(numbers(dataset->schema().observation[0], episode.observation[0]),
            (std::vector<double>{0, 1, 2, 3, 4, 5, 6, 7, 4, 5, 6, 7}));
}

TEST_F(D4rlTest, RefusesWhatDoesNotFitTogether) {
  const auto error = [&](const std::function<void(Hdf5File&)>& change) {
    fs::remove(path("f"));
    return test::input_error([&] { Dataset::open(foreign(change)); });
  };
  EXPECT_THAT(error([](Hdf5File& file) {
                write_floats(file, "observations", {6, 4});
              }),
              AllOf(HasSubstr(path("f")), HasSubstr("actions")));
  EXPECT_THAT(error([](Hdf5File& file) {
                write_columns(file);
                write_flags(file, "timeouts", {0, 1});
              }),
              AllOf(HasSubstr(path("f")), HasSubstr("timeouts"), HasSubstr("2 rows")));
  EXPECT_THAT(error([](Hdf5File& file) {
                write_floats(file, "observations", {6, 0});
                write_floats(file, "actions", {6, 2});
                write_floats(file, "rewards", {6});
                write_flags(file, "terminals", {0, 1, 0, 0, 0, 0});
              }),
              AllOf(HasSubstr("observations"), HasSubstr("0 bytes")));
  EXPECT_THAT(error([](Hdf5File& file) {
                write_columns(file);
                write_floats(file, "infos/qpos", {5, 2});
              }),
              HasSubstr("infos/qpos"));
  std::ofstream(path("text")) << "no HDF5";
  EXPECT_THAT(test::input_error([&] { Dataset::open(path("text")); }), HasSubstr(path("text")));
  EXPECT_THAT(test::input_error([&] { Dataset::open(path("none")); }), HasSubstr("no such file"));
}

TEST_F(D4rlTest, RefusesRowsAfterTheLastActionThatDoNotFit) {
  const auto error = [&](const std::vector<int64_t>& shape) {
    fs::remove(path("f"));
    return test::input_error([&] {
      Dataset::open(foreign([&](Hdf5File& file) {
        write_columns(file);
        write_floats(file, "infos/qpos", {6, 2});
        write_floats(file, "metadata/final_info/qpos", shape);
        write_flags(file, "metadata/final_info_known", {1, 1});
      }));
    });
  };
  EXPECT_THAT(error({2, 3}), AllOf(HasSubstr("final_info/qpos"), HasSubstr("differ in shape")));
  EXPECT_THAT(error({2, 0}), HasSubstr("0 bytes"));
}

// A file with little storage that claims to hold much.
TEST_F(D4rlTest, RefusesColumnsThatAreNotStored) {
  constexpr int64_t kRows = 100'000'000;
  const std::string file = foreign([](Hdf5File& out) {
    out.appender("", {.name = "observations", .shape = {4}});
    write_columns_but_observations(out);
  });
  const std::string code = fmt::format(
      "import h5py; f = h5py.File('{}', 'a'); f['observations'].resize({}, axis=0); f.close()",
      file, kRows);
  ASSERT_EQ(
      std::system(
          fmt::format("PYTHONPATH={} python3 -c \"{}\"", REVERIE_TEST_PYTHON_PATH, code).c_str()),
      0);
  EXPECT_THAT(test::input_error([&] { Dataset::open(file); }),
              AllOf(HasSubstr("observations"), HasSubstr("0 bytes are stored")));
}

// A process that is killed while writing leaves the episodes that were complete.
TEST_F(D4rlTest, KilledWriterLeavesReadableFile) {
  constexpr int kEpisodes = 10'000;
  const pid_t child = ::fork();
  if (child == 0) {
    const auto writer = DatasetWriter::create(path("a"), DatasetFormat::kD4rl, test_schema());
    Rng rng(1);
    for (int i = 0; i < kEpisodes; ++i) writer->append(make_episode(rng, 20, i % 3 == 0));
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_FALSE(fs::exists(path("a")));
  const auto dataset = Dataset::open(path("a.partial"));
  EXPECT_GT(dataset->steps(), kEpisodes * 20 * 9 / 10);
  EXPECT_GT(dataset->steps_left_out(), 0);
  Rng rng(1);
  for (size_t i = 0; i < dataset->episodes().size(); ++i) {
    EpisodeData expected = make_episode(rng, 20, i % 3 == 0);
    const EpisodeData got = dataset->read(static_cast<int64_t>(i));
    ASSERT_EQ(got.action, expected.action) << i;
    ASSERT_EQ(got.reward, expected.reward) << i;
  }
  EXPECT_THAT(test::input_error(
                  [&] { DatasetWriter::create(path("a"), DatasetFormat::kD4rl, test_schema()); }),
              HasSubstr("a.partial"));
}

class MinariTest : public DatasetTest {
 protected:
  // A folder of one episode of two steps, whose file `change` completes.
  std::string error(const std::string& metadata,
                    const std::function<void(Hdf5File&)>& change) const {
    fs::remove_all(path("m"));
    fs::create_directories(path("m/data"));
    std::ofstream(path("m/data/metadata.json")) << metadata;
    Hdf5File file = Hdf5File::create(path("m/data/main_data.hdf5"));
    const std::vector<int64_t> steps{2};
    file.write<float>("episode_0/rewards", steps, std::span<const float>(kValues).first(2));
    for (const char* name : {"episode_0/terminations", "episode_0/truncations"}) {
      file.write(name, DType::kBool, steps, std::as_bytes(std::span(kFlags)));
    }
    change(file);
    file.commit();
    return test::input_error([&] { Dataset::open(path("m"))->read(0); });
  }

  static void put(Hdf5File& file, const std::string& name, int64_t rows) {
    const std::vector<int64_t> shape{rows, 1};
    file.write<float>("episode_0/" + name, shape,
                      std::span<const float>(kValues).first(static_cast<size_t>(rows)));
  }

  static constexpr std::array<float, 8> kValues{};
  static constexpr std::array<uint8_t, 2> kFlags{};
};

TEST_F(MinariTest, RefusesWhatDoesNotFitTogether) {
  const auto complete = [](Hdf5File& file) {
    put(file, "observations", 3);
    put(file, "actions", 2);
  };
  EXPECT_THAT(error("[1]", complete), AllOf(HasSubstr("metadata.json"), HasSubstr("JSON object")));
  EXPECT_THAT(error("{}", [](Hdf5File& file) { put(file, "observations", 3); }),
              HasSubstr("actions"));
  EXPECT_THAT(error("{}",
                    [](Hdf5File& file) {
                      put(file, "observations", 2);
                      put(file, "actions", 2);
                    }),
              AllOf(HasSubstr("observations"), HasSubstr("2 rows, expected 3")));
  EXPECT_THAT(error("{}",
                    [](Hdf5File& file) {
                      put(file, "observations", 3);
                      put(file, "actions", 3);
                    }),
              AllOf(HasSubstr("actions"), HasSubstr("3 rows, expected 2")));
  EXPECT_THAT(error("{}",
                    [&](Hdf5File& file) {
                      complete(file);
                      put(file, "infos/qpos", 4);
                    }),
              AllOf(HasSubstr("infos/qpos"), HasSubstr("4 rows")));
  EXPECT_THAT(error("{}", [](Hdf5File& file) { file.create_group("episode_0/observations"); }),
              HasSubstr("no field"));
  EXPECT_THAT(error("{}",
                    [&](Hdf5File& file) {
                      complete(file);
                      file.create_group("episode_7");
                    }),
              HasSubstr("episode_1"));
}

// ---------------------------------------------------------------------------------------------
// Known faults

std::vector<std::string> faults(Dataset& dataset, const StateReward& reward = {}) {
  std::vector<std::string> texts;
  for (const DatasetFinding& finding : check_dataset(dataset, reward)) {
    if (finding.is_fault) texts.push_back(finding.text);
  }
  return texts;
}

class CheckTest : public DatasetTest {};

TEST_F(CheckTest, CleanDataset) {
  const auto dataset = Dataset::open(write("a", make_episodes(30), DatasetFormat::kD4rl));
  EXPECT_THAT(check_dataset(*dataset, {}), testing::IsEmpty());
}

TEST_F(CheckTest, NotFinite) {
  std::vector<EpisodeData> episodes = make_episodes(3);
  episodes[1].reward[2] = std::nanf("");
  const float infinite = INFINITY;
  std::memcpy(episodes[2].action.data(), &infinite, sizeof infinite);
  const auto dataset = Dataset::open(write("a", episodes, DatasetFormat::kD4rl));
  EXPECT_THAT(faults(*dataset),
              testing::ElementsAre(AllOf(HasSubstr("action"), HasSubstr("row 17")),
                                   AllOf(HasSubstr("reward"), HasSubstr("row 7"))));
}

// Episodes that the file does not separate.
EpisodeData joined(const std::vector<EpisodeData>& episodes) {
  const DatasetSchema schema = test_schema();
  EpisodeData all;
  all.observation.resize(schema.observation.size());
  all.info.resize(schema.info.size());
  all.has_final_observation = all.has_final_info = false;
  const auto add = [](auto& to, const auto& from, size_t count) {
    to.insert(to.end(), from.begin(), from.begin() + static_cast<int64_t>(count));
  };
  for (const EpisodeData& episode : episodes) {
    const auto length = static_cast<size_t>(episode.length());
    for (size_t f = 0; f < all.observation.size(); ++f) {
      add(all.observation[f], episode.observation[f], length * schema.observation[f].bytes());
    }
    add(all.info[0], episode.info[0], length * schema.info[0].bytes());
    add(all.action, episode.action, episode.action.size());
    add(all.reward, episode.reward, length);
    add(all.terminated, episode.terminated, length);
    add(all.truncated, episode.truncated, length);
  }
  return all;
}

TEST_F(CheckTest, EndsMissingAndOutOfStep) {
  std::vector<EpisodeData> episodes = make_episodes(30);
  for (EpisodeData& episode : episodes) {
    std::fill(episode.terminated.begin(), episode.terminated.end(), uint8_t{0});
    std::fill(episode.truncated.begin(), episode.truncated.end(), uint8_t{0});
  }
  const auto missing = Dataset::open(write("missing", {joined(episodes)}, DatasetFormat::kD4rl));
  EXPECT_THAT(faults(*missing), testing::ElementsAre(HasSubstr("no terminals and no timeouts"),
                                                     HasSubstr("29 jumps")));
  // Each end is marked a step too early.
  for (EpisodeData& episode : episodes) episode.truncated[episode.truncated.size() - 2] = 1;
  const auto shifted = Dataset::open(write("shifted", {joined(episodes)}, DatasetFormat::kD4rl));
  EXPECT_THAT(faults(*shifted),
              testing::ElementsAre(AllOf(HasSubstr("out of step"), HasSubstr("-1 steps"))));
}

// An angle that wraps, or a flag that changes, is no reset.
TEST_F(CheckTest, OneNumberThatJumpsIsNoReset) {
  std::vector<EpisodeData> episodes = make_episodes(30);
  for (EpisodeData& episode : episodes) {
    std::vector<float> state(episode.observation[0].size() / sizeof(float));
    std::memcpy(state.data(), episode.observation[0].data(), episode.observation[0].size());
    for (size_t at = state.size() / 2 / 4 * 4; at < state.size(); at += 4) state[at] += 1000.0F;
    episode.observation[0] = test::bytes_of(state);
  }
  const auto dataset = Dataset::open(write("wrapping", episodes, DatasetFormat::kD4rl));
  EXPECT_THAT(faults(*dataset), testing::ElementsAre());
}

TEST(FinalRows, AnUnknownLastInfoIsNan) {
  const DatasetSchema schema = {
      .observation = {},
      .action = {.name = "action", .shape = {1}},
      .info = {{.name = "a", .shape = {2}, .dtype = DType::kFloat64}, {.name = "b", .shape = {}}}};
  const std::vector<double> a = {1.0, 2.0, 3.0, 4.0};
  const auto bytes = std::as_bytes(std::span(a));
  EpisodeData episode;
  episode.reward = {0.0F, 0.0F};
  episode.info = {{bytes.begin(), bytes.end()}, test::bytes_of({5.0F, 6.0F})};
  episode.has_final_info = false;
  const auto padded = padded_info(episode, schema);
  EXPECT_THAT(numbers(schema.info[0], padded[0]),
              testing::ElementsAre(1, 2, 3, 4, testing::IsNan(), testing::IsNan()));
  EXPECT_THAT(numbers(schema.info[1], padded[1]), testing::ElementsAre(5, 6, testing::IsNan()));
}

TEST_F(CheckTest, RewardsOfTheWrongObservation) {
  const auto rule = [](std::span<const double> state) {
    return std::hypot(state[0], state[1]) <= 5.6 ? 1.0 : 0.0;
  };
  const auto relabelled = [&](const std::string& name, size_t offset) {
    std::vector<EpisodeData> episodes = make_episodes(30);
    for (EpisodeData& episode : episodes) {
      const auto state = numbers(test_schema().observation[0], episode.observation[0]);
      for (size_t t = 0; t < episode.reward.size(); ++t) {
        const size_t row = std::min(t + offset, episode.reward.size());
        episode.reward[t] = static_cast<float>(rule(std::span(state).subspan(4 * row, 4)));
      }
    }
    return Dataset::open(write(name, episodes, DatasetFormat::kD4rl));
  };
  EXPECT_THAT(check_dataset(*relabelled("next", 1), rule), testing::IsEmpty());
  const auto d4rl = check_dataset(*relabelled("d4rl", 0), rule);
  ASSERT_EQ(d4rl.size(), 1U);
  EXPECT_FALSE(d4rl[0].is_fault);
  EXPECT_THAT(d4rl[0].text, HasSubstr("observation t, as D4RL"));
  EXPECT_THAT(faults(*relabelled("wrong", 3), rule), testing::ElementsAre(HasSubstr("neither")));
}

}  // namespace
}  // namespace reverie
