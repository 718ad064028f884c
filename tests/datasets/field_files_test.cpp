// Files of users: written by other programs, joined, with more content than a layout knows.

#include <csignal>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/field_numbers.h"
#include "core/json.h"
#include "datasets/dataset_check.h"
#include "datasets/dataset_merge.h"
#include "datasets/formats/minari_layout.h"
#include "datasets/formats/npz.h"
#include "datasets/formats/spaces.h"
#include "datasets/hdf5.h"
#include "tests/datasets/episodes.h"
#include "tests/errors.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;
using test::input_error;
using test::make_episode;
using test::make_episodes;
using test::test_schema;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr DatasetFormat kFormats[] = {DatasetFormat::kD4rl, DatasetFormat::kMinari,
                                      DatasetFormat::kExorl, DatasetFormat::kStableWorldModel};

class FieldFiles : public testing::Test, public test::DatasetFolder {
 protected:
  // Runs Python with h5py, numpy and the folder as `root`.
  void python(const std::string& code) const {
    std::ofstream(folder_ / "make.py")
        << "import h5py, numpy as np, os\nroot = '" << folder_.path().string() << "/'\n"
        << code;
    const std::string command = fmt::format("PYTHONPATH={} python3 {}", REVERIE_TEST_PYTHON_PATH,
                                            (folder_ / "make.py").string());
    ASSERT_EQ(std::system(command.c_str()), 0) << code;
  }

  std::vector<double> rewards(const std::string& name) const {
    const auto dataset = Dataset::open(path(name));
    std::vector<double> all;
    for (size_t e = 0; e < dataset->episodes().size(); ++e) {
      for (const float reward : dataset->read(static_cast<int64_t>(e)).reward)
        all.push_back(reward);
    }
    return all;
  }
};

std::vector<int64_t> lengths(const Dataset& dataset) {
  std::vector<int64_t> all;
  for (const DatasetEpisode& episode : dataset.episodes()) all.push_back(episode.length);
  return all;
}

// An episode whose recording stopped.
EpisodeData unmarked(int64_t length) {
  Rng rng(static_cast<uint64_t>(length));
  EpisodeData episode = make_episode(rng, length, false);
  episode.truncated.back() = 0;
  return episode;
}

// ---------------------------------------------------------------------------------------------
// Seams

TEST_F(FieldFiles, EpisodesWithoutAMarkStayApart) {
  Rng rng(1);
  const std::vector<EpisodeData> episodes = {unmarked(4), make_episode(rng, 5, true), unmarked(6),
                                             unmarked(7)};
  for (const DatasetFormat format : kFormats) {
    SCOPED_TRACE(dataset_format_name(format));
    const std::string name(dataset_format_name(format));
    const auto dataset = Dataset::open(write(name, episodes, format));
    EXPECT_THAT(lengths(*dataset), ElementsAre(4, 5, 6, 7));
    // Rows still belong to their episodes.
    for (size_t e = 0; e < episodes.size(); ++e) {
      const EpisodeData read = dataset->read(static_cast<int64_t>(e));
      EXPECT_EQ(read.observation, episodes[e].observation);
      EXPECT_EQ(read.has_final_observation, true);
    }
  }
  const auto d4rl = Dataset::open(path("d4rl"));
  EXPECT_TRUE(d4rl->episodes()[0].truncated);
  EXPECT_TRUE(d4rl->episodes()[2].truncated);
  EXPECT_FALSE(d4rl->episodes()[3].truncated) << "nothing follows the last one";
  EXPECT_EQ(d4rl->read(3).seed, episodes[3].seed);
}

TEST_F(FieldFiles, ValidateFindsEpisodesThatAreTooLong) {
  Rng rng(1);
  const auto dataset =
      Dataset::open(write("a",
                          {make_episode(rng, 20, false), make_episode(rng, 31, false),
                           make_episode(rng, 32, false), make_episode(rng, 60, false)},
                          DatasetFormat::kD4rl));
  const auto found = check_dataset(*dataset, {}, 30);  // one more is D4RL's habit
  ASSERT_EQ(found.size(), 1U);
  EXPECT_TRUE(found[0].is_fault);
  EXPECT_THAT(found[0].text, AllOf(HasSubstr("2 episodes"), HasSubstr("episode 2 of 32 steps"),
                                   HasSubstr("row 51"), HasSubstr("after 30 steps")));
  EXPECT_THAT(check_dataset(*dataset, {}, 60), testing::IsEmpty());
  EXPECT_THAT(check_dataset(*dataset, {}, 0), testing::IsEmpty());
}

// ---------------------------------------------------------------------------------------------
// Merging

class Merging : public FieldFiles {
 protected:
  std::unique_ptr<Dataset> dataset(const std::string& name,
                                   const std::map<std::string, std::string>& attributes,
                                   float high = 1.0F) const {
    DatasetSchema schema = test_schema();
    schema.attributes = attributes;
    schema.action.high = {high};
    return Dataset::open(write(name, make_episodes(1), DatasetFormat::kD4rl, schema));
  }

  std::map<std::string, std::string> merged(const std::map<std::string, std::string>& a,
                                            const std::map<std::string, std::string>& b) {
    std::vector<std::unique_ptr<Dataset>> all;
    for (const auto* attributes : {&a, &b}) {
      const std::string name = fmt::format("{}.h5", count_++);
      all.push_back(dataset(name, *attributes));
    }
    return merged_schema(all).attributes;
  }

  std::string refusal(const std::map<std::string, std::string>& a,
                      const std::map<std::string, std::string>& b) {
    return input_error([&] { merged(a, b); });
  }

  int count_ = 0;
};

TEST_F(Merging, RefusesWhatContradicts) {
  EXPECT_THAT(refusal({{"env", "maze2d-umaze"}}, {{"env", "maze2d-large"}}),
              AllOf(HasSubstr("maze2d-umaze"), HasSubstr("maze2d-large"), HasSubstr("0.h5"),
                    HasSubstr("1.h5")));
  const std::string config = "[environment]\nmax_steps = 300\nreward_scale = 1.0\n";
  const std::string other = "[environment]\nmax_steps = 300\nreward_scale = 10.0\n";
  EXPECT_THAT(refusal({{"env", "a"}, {"config", config}}, {{"env", "a"}, {"config", other}}),
              AllOf(HasSubstr("`reward_scale = 10.0`"), HasSubstr("`reward_scale = 1.0`")));
  EXPECT_THAT(
      refusal({{"env", "a"}}, {{"env", "a"}, {"relabelled", "rewards of a for the goal 1"}}),
      HasSubstr("for the goal 1"));
  std::vector<std::unique_ptr<Dataset>> bounds;
  bounds.push_back(dataset("x", {}, 1.0F));
  bounds.push_back(dataset("y", {}, 2.0F));
  EXPECT_THAT(input_error([&] { merged_schema(bounds); }),
              AllOf(HasSubstr("'action'"), HasSubstr("bounds")));
}

TEST_F(Merging, SaysOfTheEnvironmentWhatAllSay) {
  const std::map<std::string, std::string> known = {
      {"env", "a"}, {"env_source", "s"}, {"policy", "p"}, {"seed", "1"}};
  EXPECT_EQ(merged(known, known), known);
  EXPECT_THAT(merged(known, {{"policy", "q"}}), ElementsAre(testing::Pair("policy", "p + q")));
  // Rewards relabelled to those of the own environment are the recorded ones.
  EXPECT_EQ(merged({{"env", "a"}}, {{"env", "a"}, {"relabelled", "rewards of a"}}).at("env"), "a");
}

// ---------------------------------------------------------------------------------------------
// What is beside the numbers

TEST_F(FieldFiles, D4rlLeavesOutWhatIsNoColumn) {
  python(R"(
with h5py.File(root + 'a.h5', 'w') as f:
    f['observations'] = np.zeros((6, 4), 'f4')
    f['actions'] = np.zeros((6, 2), 'f4')
    f['rewards'] = np.arange(6, dtype='f4')
    f['terminals'] = np.array([0, 0, 1, 0, 0, 1], bool)
    f['desired_goal'] = np.ones((6, 2), 'f4')
    f['task'] = 'kitchen'
    f['notes'] = np.array([b'a'] * 6)
    f['length'] = 6
    f['episode_ends'] = np.array([3, 6])
    f['infos/qpos'] = np.zeros((6, 2))
    f['infos/task'] = np.array([b'a'] * 6)
    f.attrs['env'] = 'maze2d-umaze'
    f.attrs['policy'] = np.bytes_(b'me')
)");
  const auto dataset = Dataset::open(path("a.h5"));
  EXPECT_EQ(dataset->steps(), 6);
  EXPECT_TRUE(dataset->schema().find("desired_goal"));
  EXPECT_TRUE(dataset->schema().find("qpos"));
  EXPECT_EQ(dataset->schema().observation.size(), 2U);
  EXPECT_EQ(dataset->schema().info.size(), 1U);
  EXPECT_THAT(dataset->left_out(),
              testing::UnorderedElementsAre(
                  HasSubstr("task is left out"), HasSubstr("notes is left out"),
                  HasSubstr("length is left out: it is a single value"),
                  HasSubstr("episode_ends is left out: it has 2 rows"), HasSubstr("infos/task"),
                  AllOf(HasSubstr("attribute env"), HasSubstr("fixed length"))));
  EXPECT_FALSE(dataset->schema().attributes.contains("env"));
  EXPECT_EQ(dataset->schema().attributes.at("policy"), "me");
}

TEST_F(FieldFiles, StableWorldModelSaysWhatItLeavesOut) {
  const auto dataset = Dataset::open(std::string(REVERIE_GOLDEN_DIR) + "/datasets/blosc.h5");
  EXPECT_THAT(dataset->left_out(), ElementsAre(HasSubstr("instruction is left out")));
}

TEST_F(FieldFiles, ExorlReadsOtherIntegersAndLeavesOutWhatIsNoColumn) {
  fs::create_directories(folder_ / "d/buffer");
  python(R"(
for e in range(2):
    T = 3
    np.savez_compressed(root + f'd/buffer/time_{e}_{T}.npz',
        observation=np.arange(8, dtype=np.float16).reshape(4, 2) / 2,
        action=np.zeros((T + 1, 1), np.float32), reward=np.ones((T + 1, 1), np.float32),
        discount=np.ones((T + 1, 1), np.float32), physics=np.zeros((T + 1, 5)),
        step=np.array([0, 1, 2, 2**32 - 1], np.uint32), small=np.full(T + 1, 65535, np.uint16),
        large=np.full(T + 1, 2**62, np.uint64),
        task=np.array('walk'), names=np.array(['a', 'b', 'c', 'd']), episode_return=np.float64(3),
        record=np.zeros(T + 1, [('x', '<f4'), ('y', '<i4', (2,))]), T=np.asfortranarray(np.ones((4, 2))),
        whole=np.zeros(7))
)");
  const auto dataset = Dataset::open(path("d"));
  EXPECT_EQ(dataset->steps(), 6);
  const EpisodeData episode = dataset->read(1);
  const auto column = [&](const char* name) {
    const auto found = dataset->schema().find(name);
    EXPECT_TRUE(found) << name;
    return found ? numbers(*found->field, found->of(episode)) : std::vector<double>();
  };
  EXPECT_EQ(column("observation"), (std::vector<double>{0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5}));
  EXPECT_EQ(column("step"), (std::vector<double>{0, 1, 2, 4294967295}));
  EXPECT_EQ(column("small"), (std::vector<double>(4, 65535)));
  EXPECT_EQ(column("large"), (std::vector<double>(4, 0x1p62)));
  EXPECT_EQ(column("physics").size(), 20U);
  EXPECT_THAT(dataset->left_out(),
              testing::UnorderedElementsAre(HasSubstr("task is"), HasSubstr("names is"),
                                            HasSubstr("episode_return is"), HasSubstr("record is"),
                                            HasSubstr("T is"), HasSubstr("whole is")));
  EXPECT_EQ(dataset->schema().info.size(), 4U);
}

// ---------------------------------------------------------------------------------------------
// Pictures packed as files

constexpr const char* kPictureFiles = R"(
jpeg = np.zeros((4, 691), np.uint8)
jpeg[:, :4] = [0xff, 0xd8, 0xff, 0xe0]
png = np.zeros((4, 691), np.uint8)
png[:, :4] = [0x89, ord('P'), ord('N'), ord('G')]
)";

TEST_F(FieldFiles, PicturesPackedAsFilesAreNoNumbers) {
  fs::create_directories(folder_ / "exorl/buffer");
  python(std::string(kPictureFiles) + R"(
zeros = np.zeros((4, 2), 'f4')
with h5py.File(root + 'd4rl.h5', 'w') as f:
    f['observations'], f['actions'], f['rewards'] = jpeg, zeros, np.zeros(4, 'f4')
    f['terminals'] = np.array([0, 0, 0, 1], bool)
with h5py.File(root + 'swm.h5', 'w') as f:
    f['pixels'], f['action'], f['ep_len'], f['ep_offset'] = png, zeros, [4], [0]
np.savez(root + 'exorl/buffer/a_0_3.npz', observation=png, action=zeros,
         reward=np.zeros((4, 1), 'f4'), discount=np.ones((4, 1), 'f4'))
)");
  for (const char* name : {"d4rl.h5", "swm.h5", "exorl"}) {
    EXPECT_THAT(input_error([&] { Dataset::open(path(name)); }), HasSubstr("JPEG")) << name;
  }
}

class MinariFiles : public FieldFiles {
 protected:
  // A dataset of one episode of three steps; Python makes `observations` and `actions`.
  void minari(const std::string& spaces, const std::string& arrays) const {
    fs::create_directories(folder_ / "m/data");
    python(std::string(kPictureFiles) + "spaces = " + spaces + R"(
import json
json.dump({'dataset_id': 'a/b-v0', 'jpeg_encoding': True,
           **{k: json.dumps(v) for k, v in spaces.items()}}, open(root + 'm/data/metadata.json', 'w'))
with h5py.File(root + 'm/data/main_data.hdf5', 'w') as f:
    e = f.create_group('episode_0')
    e['rewards'] = np.zeros(3)
    e['terminations'], e['truncations'] = np.zeros(3, bool), np.array([0, 0, 1], bool)
)" + "    " +
           arrays + "\n");
  }

  std::string refusal() const {
    return input_error([&] { Dataset::open(path("m"))->read(0); });
  }
};

constexpr const char* kPictures =
    "{'type': 'Box', 'dtype': 'uint8', 'shape': [64, 64, 3], 'low': 0, 'high': 255}";
constexpr const char* kNoActions = "e['actions'] = np.zeros((3, 1), 'f4')";

TEST_F(MinariFiles, JpegIsRefusedWhateverItLooksLike) {
  const std::string spaces = fmt::format("{{'observation_space': {}}}", kPictures);
  // Packed pictures of the same number of bytes, of different numbers, without a declared space,
  // and in another format than JPEG.
  minari(spaces, fmt::format("e['observations'] = jpeg; {}", kNoActions));
  EXPECT_THAT(refusal(), AllOf(HasSubstr("JPEG"), HasSubstr("observations")));
  minari(spaces,
         fmt::format("e.create_dataset('observations', (4,), h5py.vlen_dtype(np.uint8)); {}",
                     kNoActions));
  EXPECT_THAT(refusal(), HasSubstr("JPEG"));
  minari("{}", fmt::format("e['observations'] = jpeg; {}", kNoActions));
  EXPECT_THAT(refusal(), HasSubstr("JPEG"));
  minari(spaces, fmt::format("e['observations'] = np.zeros((4, 691), 'u1'); {}", kNoActions));
  EXPECT_THAT(refusal(), HasSubstr("JPEG"));
  // With the right shape they are pictures, whatever jpeg_encoding says.
  minari(spaces, fmt::format("e['observations'] = np.zeros((4, 64, 64, 3), 'u1'); {}", kNoActions));
  EXPECT_EQ(Dataset::open(path("m"))->read(0).observation[0].size(), 4U * 64 * 64 * 3);
}

TEST_F(MinariFiles, RowsThatAreNoValuesOfTheSpaceAreRefused) {
  const std::string spaces =
      "{'observation_space': {'type': 'Box', 'dtype': 'float64', 'shape': [3], 'low': [0, 0, 0], "
      "'high': [1, 1, 1]}, 'action_space': {'type': 'Discrete', 'n': 3, 'start': 0}}";
  minari(spaces, "e['observations'] = np.zeros((4, 2)); e['actions'] = np.zeros(3, int)");
  EXPECT_THAT(refusal(), AllOf(HasSubstr("[2]"), HasSubstr("declares [3]")));
  minari(spaces, "e['observations'] = np.zeros((4, 3)); e['actions'] = np.zeros((3, 2))");
  EXPECT_THAT(refusal(), AllOf(HasSubstr("actions"), HasSubstr("[2]")));
}

TEST_F(MinariFiles, TextsAreLeftOut) {
  minari(
      "{'observation_space': {'type': 'Dict', 'subspaces': {"
      "'mission': {'type': 'Text', 'charset': 'Infinity\"{', 'max_length': 9, 'min_length': 0},"
      "'direction': {'type': 'Discrete', 'dtype': 'int64', 'n': 4, 'start': 0},"
      "'place': {'type': 'Box', 'dtype': 'float32', 'shape': [2], 'low': [float('-inf'), -1], "
      "'high': [float('inf'), 1]}}},"
      "'action_space': {'type': 'MultiDiscrete', 'dtype': 'int64', 'nvec': [3, 5], 'start': [0, "
      "1]}}",
      "o = e.create_group('observations'); "
      "o.create_dataset('mission', data=['go'] * 4, dtype=h5py.string_dtype()); "
      "o['direction'] = np.arange(4); o['place'] = np.zeros((4, 2), 'f4'); "
      "e['actions'] = np.ones((3, 2), int); e['infos/word'] = np.array([b'a'] * 4)");
  const auto dataset = Dataset::open(path("m"));
  EXPECT_THAT(dataset->left_out(),
              ElementsAre(AllOf(HasSubstr("observations/mission"), HasSubstr("text")),
                          HasSubstr("infos/word")));
  const DatasetSchema& schema = dataset->schema();
  ASSERT_EQ(schema.observation.size(), 2U);
  EXPECT_EQ(schema.observation[0].name, "direction");
  EXPECT_THAT(schema.observation[0].low, ElementsAre(0));
  EXPECT_THAT(schema.observation[0].high, ElementsAre(3));
  EXPECT_THAT(schema.observation[1].low, ElementsAre(-INFINITY, -1));
  EXPECT_THAT(schema.observation[1].high, ElementsAre(INFINITY, 1));
  EXPECT_THAT(schema.action.low, ElementsAre(0, 1));
  EXPECT_THAT(schema.action.high, ElementsAre(2, 5));
  EXPECT_EQ(space_text(schema.action),
            R"({"type": "MultiDiscrete", "dtype": "int64", "nvec": [3,5], "start": [0,1]})");
}

// ---------------------------------------------------------------------------------------------
// Spaces

DatasetSchema cell_schema() {
  return {
      .observation =
          {{.name = "observation", .shape = {2}, .low = {-2.0F, -INFINITY}, .high = {3.0F, 0.5F}},
           {.name = "cell", .shape = {}, .dtype = DType::kInt64, .low = {0.0F}, .high = {8.0F}}},
      .action =
          {.name = "action", .shape = {}, .dtype = DType::kInt64, .low = {1.0F}, .high = {5.0F}},
      .info = {},
      .attributes = {{"env_spec", "{\"id\": \"A-v0\"}"}, {"env", "a"}}};
}

EpisodeData cell_episode() {
  EpisodeData episode;
  const std::vector<float> places(6, 0.25F);
  const std::vector<int64_t> cells{0, 8, 4}, actions{1, 5};
  const auto bytes = [](const auto& values) {
    const auto all = std::as_bytes(std::span(values));
    return std::vector<std::byte>(all.begin(), all.end());
  };
  episode.observation = {bytes(places), bytes(cells)};
  episode.action = bytes(actions);
  episode.reward = {1.0F, 2.0F};
  episode.terminated = {0, 1};
  episode.truncated = {0, 0};
  return episode;
}

// Converted through the other layouts, and finally to Minari.
TEST_F(FieldFiles, BoundsAndSpacesPassThroughEachLayout) {
  for (const DatasetFormat format : kFormats) {
    const std::string name(dataset_format_name(format));
    SCOPED_TRACE(name);
    const auto first = Dataset::open(write(name, {cell_episode()}, format, cell_schema()));
    const auto last = Dataset::open(
        write(name + "-minari", {first->read(0)}, DatasetFormat::kMinari, first->schema()));
    for (const Dataset* dataset : {first.get(), last.get()}) {
      const DatasetSchema& schema = dataset->schema();
      for (const Field& wanted : cell_schema().observation) {
        const auto found = schema.find(wanted.name);
        ASSERT_TRUE(found);
        EXPECT_EQ(found->field->low, wanted.low) << wanted.name;
        EXPECT_EQ(found->field->high, wanted.high) << wanted.name;
      }
      EXPECT_EQ(schema.action.low, cell_schema().action.low);
      EXPECT_EQ(schema.action.high, cell_schema().action.high);
      EXPECT_EQ(schema.attributes.at("env_spec"), "{\"id\": \"A-v0\"}");
    }
    const std::string file = path(name + "-minari/data/metadata.json");
    std::ifstream in(file);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    const Json metadata = Json::parse(text, file);
    EXPECT_EQ(*metadata.find("action_space")->text(),
              R"({"type": "Discrete", "dtype": "int64", "start": 1, "n": 5})");
    EXPECT_THAT(*metadata.find("observation_space")->text(),
                AllOf(HasSubstr(R"("low": [-2, -Infinity], "high": [3, 0.5])"),
                      HasSubstr(R"("cell": {"type": "Discrete")"), HasSubstr(R"("n": 9)")));
    EXPECT_EQ(*metadata.find("env_spec")->text(), "{\"id\": \"A-v0\"}");
    EXPECT_TRUE(metadata.find("dataset_size")->number());
    EXPECT_EQ(metadata.find(minari::kUnfinished), nullptr);
  }
}

TEST_F(FieldFiles, MinariIdsAreOfItsForm) {
  const auto id = [](const std::map<std::string, std::string>& attributes) {
    return minari::dataset_id(attributes);
  };
  EXPECT_EQ(id({{"env", "pointmaze-umaze"}, {"policy", "waypoint:0.5, random:0.5"}}),
            "pointmaze-umaze/waypoint-0-5-random-0-5-v0");
  EXPECT_EQ(id({{"env", "maze:maps/a b.txt"}, {"policy", "runs/2026-11-28_13:05/"}}),
            "maze-maps-a-b-txt/2026-11-28_13-05-v0");
  EXPECT_EQ(id({{"env", "a"}, {"policy", "runs/x:0.5, runs/y"}}), "a_/x-0-5-y-v0");
  EXPECT_EQ(id({{"env", "e1"}, {"policy", "\xc3\xa4/\xc3\xb6"}}), "e1/data-v0");
  EXPECT_EQ(id({}), "unknown/data-v0");
  EXPECT_EQ(id({{"dataset_id", "D4RL/pen/human-v2"}}), "D4RL/pen/human-v2");
  EXPECT_EQ(id({{"dataset_id", "human-v2"}}), "human-v2");
  EXPECT_EQ(id({{"dataset_id", "my data, new"}}), "my-data-new-v0");
}

// ---------------------------------------------------------------------------------------------
// Names and unfinished work

TEST_F(FieldFiles, ASlashAtTheEndChangesNothing) {
  for (const DatasetFormat format : kFormats) {
    const std::string name(dataset_format_name(format));
    SCOPED_TRACE(name);
    write(name + "//", make_episodes(2), format);
    EXPECT_EQ(Dataset::open(path(name))->episodes().size(), 2U);
    EXPECT_FALSE(fs::exists(path(name + ".partial")));
    EXPECT_THAT(input_error([&] { write(name + "/", make_episodes(1), format); }),
                HasSubstr("already exists"));
  }
}

TEST_F(FieldFiles, AKilledMinariWriterLeavesAReadableFolder) {
  constexpr int kEpisodes = 3000;
  const pid_t child = ::fork();
  if (child == 0) {
    const auto writer = DatasetWriter::create(path("a"), DatasetFormat::kMinari, test_schema());
    Rng rng(1);
    for (int i = 0; i < kEpisodes; ++i) writer->append(make_episode(rng, 40, i % 3 == 0));
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_FALSE(fs::exists(path("a")));
  const auto dataset = Dataset::open(path("a.partial"));
  EXPECT_GT(dataset->steps(), kEpisodes * 40 / 3);
  Rng rng(1);
  for (size_t i = 0; i < dataset->episodes().size(); ++i) {
    const EpisodeData expected = make_episode(rng, 40, i % 3 == 0);
    const EpisodeData got = dataset->read(static_cast<int64_t>(i));
    ASSERT_EQ(got.observation, expected.observation) << i;
    ASSERT_EQ(got.action, expected.action) << i;
  }
  EXPECT_EQ(dataset->schema().attributes.at("env"), "maze2d-umaze");
  EXPECT_THAT(
      input_error([&] { DatasetWriter::create(path("a"), DatasetFormat::kMinari, test_schema()); }),
      AllOf(HasSubstr("a.partial"), HasSubstr("Move or remove")));
  EXPECT_TRUE(fs::exists(path("a.partial/data/metadata.json"))) << "a refusal must remove nothing";
}

TEST_F(FieldFiles, AMinariWriterWithoutAnEpisodeLeavesNoDataset) {
  const auto writer = DatasetWriter::create(path("a"), DatasetFormat::kMinari, test_schema());
  EXPECT_THAT(input_error([&] { Dataset::open(path("a.partial")); }),
              HasSubstr("killed before an episode"));
}

// ---------------------------------------------------------------------------------------------
// Compression

constexpr const char* kLzf = R"(
rng = np.random.default_rng(4)
with h5py.File(root + 'lzf.h5', 'w') as f, h5py.File(root + 'plain.h5', 'w') as g:
    values = {'observations': np.cumsum(rng.normal(size=(400, 4)), 0).round(2).astype('f4'),
              'actions': rng.random((400, 2)).astype('f4'),  # nothing to pack
              'rewards': (rng.random(400) < 0.1).astype('f4'),
              'terminals': (np.arange(400) % 100 == 99).astype('u1')}
    for name, data in values.items():
        f.create_dataset(name, data=data, compression='lzf', shuffle=name != 'rewards',
                         fletcher32=name == 'actions')
        g.create_dataset(name, data=data)
)";

TEST_F(FieldFiles, LzfIsUnpacked) {
  python(kLzf);
  const auto packed = Dataset::open(path("lzf.h5")), plain = Dataset::open(path("plain.h5"));
  ASSERT_EQ(packed->episodes().size(), 4U);
  for (int64_t e = 0; e < 4; ++e) test::expect_same(packed->read(e), plain->read(e));
}

// Packed chunks with one wrong byte are read or refused.
TEST_F(FieldFiles, DamagedLzf) {
  python(kLzf);
  std::ifstream in(path("lzf.h5"), std::ios::binary);
  const std::string good{std::istreambuf_iterator<char>(in), {}};
  int refused = 0;
  for (size_t at = 0; at < good.size(); at += 311) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x5a);
    std::ofstream(path("bad.h5"), std::ios::binary) << bad;
    const auto [message, kind] = test::error_of([&] {
      const auto dataset = Dataset::open(path("bad.h5"));
      for (size_t e = 0; e < dataset->episodes().size(); ++e) {
        dataset->read(static_cast<int64_t>(e));
      }
    });
    EXPECT_EQ(kind, ErrorKind::kInput) << message;
    refused += message.empty() ? 0 : 1;
  }
  EXPECT_GT(refused, 2);
}

// The library would copy a whole chunk out of what is shorter.
TEST_F(FieldFiles, AShortChunkOfLzfIsRefused) {
  python(R"(
with h5py.File(root + 'short.h5', 'w') as f:
    f['observations'], f['actions'] = np.zeros((100, 2), 'f4'), np.zeros((100, 2), 'f4')
    f['terminals'] = np.arange(100) == 99
    rewards = f.create_dataset('rewards', (100,), 'f4', chunks=(100,), compression='lzf')
    rewards.id.write_direct_chunk((0,), bytes([31]) + bytes(32))  # 32 literal bytes of 400
)");
  EXPECT_THAT(input_error([&] { Dataset::open(path("short.h5"))->read(0); }),
              AllOf(HasSubstr("short.h5"), HasSubstr("rewards")));
}

TEST_F(FieldFiles, HowToRewriteOtherCompressions) {
  python(R"(
with h5py.File(root + 'scale.h5', 'w') as f:
    f.create_dataset('observations', data=np.zeros((4, 2), 'f4'), scaleoffset=2)
    f['actions'], f['rewards'] = np.zeros((4, 2), 'f4'), np.zeros(4, 'f4')
    f['terminals'] = np.array([0, 0, 0, 1], bool)
)");
  EXPECT_THAT(input_error([&] { Dataset::open(path("scale.h5")); }),
              AllOf(HasSubstr("observations"), HasSubstr("filter 6"), HasSubstr("h5py"),
                    Not(HasSubstr("h5repack"))));
}

}  // namespace
}  // namespace reverie
