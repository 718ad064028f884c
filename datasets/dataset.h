#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/spec.h"

namespace reverie {

// Datasets of recorded episodes, in the layouts that others publish (docs/datasets.md). Whatever
// the layout, fields have the project's names, episodes are whole and the two ways to end are kept
// apart. Letters: T steps of an episode, N steps of the dataset, E episodes.

enum class DatasetFormat : uint8_t {
  kD4rl,    // one HDF5 file, all episodes one after the other: observations, actions, ...
  kMinari,  // a folder with data/main_data.hdf5, a group for each episode, and data/metadata.json
  kExorl,   // a folder with buffer/episode_{index}_{T}.npz, a file for each episode
  kStableWorldModel,  // one HDF5 file, a dataset for each column, ep_len and ep_offset
};

// "d4rl", "minari", "exorl", "stable-worldmodel". Throws Error(kInput) that lists them for another
// name.
DatasetFormat parse_dataset_format(std::string_view name);
std::string_view dataset_format_name(DatasetFormat format);
std::string dataset_format_list();  // "d4rl, minari, ...", for help texts

struct EpisodeData;

// Where a field lies in an episode.
struct DatasetColumn {
  const Field* field = nullptr;  // of the schema
  bool is_info = false;          // else an observation
  size_t index = 0;              // among those

  std::vector<std::byte>& of(EpisodeData& episode) const;
  const std::vector<std::byte>& of(const EpisodeData& episode) const;

  // Whether the episode knows what came of its last action: T + 1 rows instead of T.
  bool has_final_row(const EpisodeData& episode) const;
};

// What each step of a dataset holds, beside reward (float32) and the flags.
struct DatasetSchema {
  std::vector<Field> observation;  // "observation", "pixels", "desired_goal", ...
  Field action;
  std::vector<Field> info;  // what the simulator knew: "qpos", "qvel", "goal"
  // "env", "source", "policy", "seed", "config", ...: where the data come from. Keys are a
  // format's own names of attributes.
  std::map<std::string, std::string> attributes = {};

  bool same_fields(const DatasetSchema& other) const;

  // The field of that name, of the observation before one of the info; nullopt where there is none.
  std::optional<DatasetColumn> find(std::string_view name) const;
};

// One episode in memory, columns in the order of the schema.
struct EpisodeData {
  // [T + 1, ...] each, the last row being what came of the last action; [T, ...] where the dataset
  // does not know it.
  std::vector<std::vector<std::byte>> observation;
  std::vector<std::byte> action;               // [T, ...]
  std::vector<float> reward;                   // [T]
  std::vector<uint8_t> terminated, truncated;  // [T] 0 or 1
  // [T + 1, ...] each, row t being the simulator before action t and the last row the simulator
  // after the last action; [T, ...] where the dataset does not know that.
  std::vector<std::vector<std::byte>> info;
  bool has_final_observation = true;
  bool has_final_info = true;
  std::optional<int64_t> seed = {};  // of the reset before it, the 64 bits as a signed number

  int64_t length() const { return static_cast<int64_t>(reward.size()); }
};

// Where an episode lies in a dataset.
struct DatasetEpisode {
  int64_t start = 0;   // the first step, counted over the whole dataset
  int64_t length = 0;  // [steps], at least 1
  bool terminated = false;
  bool truncated = false;  // neither: the recording stopped
};

// A dataset that is read. Files are read as hostile (datasets/hdf5.h): whatever does not fit
// together is Error(kInput) that names file and object, before memory is allocated for it. Not
// thread-safe: it keeps what it unpacked last.
class Dataset {
 public:
  // Opens a file or folder of any layout, which it tells apart by what is inside. Throws
  // Error(kInput).
  static std::unique_ptr<Dataset> open(const std::string& path);

  virtual ~Dataset() = default;

  virtual DatasetFormat format() const = 0;

  // Reads one episode, 0 <= index < episodes().size(). In order is fastest.
  virtual EpisodeData read(int64_t index) = 0;

  // The same without its observations and info, whose columns are empty: cheap where those are
  // pictures.
  virtual EpisodeData read_steps(int64_t index) = 0;

  const std::string& path() const { return path_; }
  const DatasetSchema& schema() const { return schema_; }
  const std::vector<DatasetEpisode>& episodes() const { return episodes_; }
  int64_t steps() const { return steps_; }  // of all episodes

  // Lines for people on what the files hold and is not read, as it is no array of numbers, one row
  // a step: "observations/mission is left out: it is text".
  const std::vector<std::string>& left_out() const { return left_out_; }

  // Steps behind the last whole episode of a file whose writer was killed; they are not read.
  int64_t steps_left_out() const { return steps_left_out_; }

 protected:
  explicit Dataset(std::string path) : path_(std::move(path)) {}

  std::string path_;
  DatasetSchema schema_;
  std::vector<DatasetEpisode> episodes_;
  int64_t steps_ = 0;
  int64_t steps_left_out_ = 0;
  std::vector<std::string> left_out_;
};

// A dataset that is written, episode after episode. It appears at its path whole, on commit();
// until then it grows beside it, as PATH.partial, where a process that is killed leaves all
// episodes but the last few thousand steps in a readable file or folder. Destroyed without commit()
// it is removed.
class DatasetWriter {
 public:
  // A slash at the end of the path counts for nothing. Throws Error(kInput) when the path, be it a
  // link, or PATH.partial already exists, and Error(kRun) when neither can be made.
  static std::unique_ptr<DatasetWriter> create(const std::string& path, DatasetFormat format,
                                               const DatasetSchema& schema);

  virtual ~DatasetWriter() = default;

  // Throws Error(kInput) when the columns do not fit the schema or the episode is empty,
  // Error(kRun) when the disk fails. A layout that has no place for something leaves it out. Where
  // flags alone part episodes (D4RL's), one whose end has no mark is marked truncated when another
  // follows.
  virtual void append(const EpisodeData& episode) = 0;
  virtual void commit() = 0;

  int64_t steps() const { return steps_; }
  int64_t episodes() const { return episodes_; }

 protected:
  explicit DatasetWriter(DatasetSchema schema) : schema_(std::move(schema)) {}

  void check(const EpisodeData& episode) const;

  DatasetSchema schema_;
  int64_t steps_ = 0;
  int64_t episodes_ = 0;
};

}  // namespace reverie
