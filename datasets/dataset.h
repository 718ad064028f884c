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

// Datasets of recorded episodes, in published layouts (docs/datasets.md). In every layout, fields
// have the project's names, episodes are whole, and terminated and truncated are separate. Letters:
// T steps of an episode, N steps of the dataset, E episodes.

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

// The position of a field in an episode.
struct DatasetColumn {
  const Field* field = nullptr;  // of the schema
  bool is_info = false;          // else an observation
  size_t index = 0;              // within observations or infos

  std::vector<std::byte>& of(EpisodeData& episode) const;
  const std::vector<std::byte>& of(const EpisodeData& episode) const;

  // Whether the episode holds the result of its last action: T + 1 rows instead of T.
  bool has_final_row(const EpisodeData& episode) const;
};

// What each step of a dataset holds, besides reward (float32) and the flags.
struct DatasetSchema {
  std::vector<Field> observation;  // "observation", "pixels", "desired_goal", ...
  Field action;
  std::vector<Field> info;  // the simulator's values: "qpos", "qvel", "goal"
  // "env", "source", "policy", "seed", "config", ...: the origin of the data. Keys are the layout's
  // own attribute names.
  std::map<std::string, std::string> attributes = {};

  bool same_fields(const DatasetSchema& other) const;

  // The field of that name, looked up first in the observation, then in the info; nullopt if there
  // is none.
  std::optional<DatasetColumn> find(std::string_view name) const;
};

// One episode in memory, columns in the order of the schema.
struct EpisodeData {
  // [T + 1, ...] each; the last row is the observation after the last action. [T, ...] when the
  // dataset lacks it.
  std::vector<std::vector<std::byte>> observation;
  std::vector<std::byte> action;               // [T, ...]
  std::vector<float> reward;                   // [T]
  std::vector<uint8_t> terminated, truncated;  // [T] 0 or 1
  // [T + 1, ...] each; row t is the simulator before action t, the last row the simulator after the
  // last action. [T, ...] when the dataset lacks that.
  std::vector<std::vector<std::byte>> info;
  bool has_final_observation = true;
  bool has_final_info = true;
  std::optional<int64_t> seed = {};  // of the reset before it, the 64 bits as a signed number

  int64_t length() const { return static_cast<int64_t>(reward.size()); }
};

// The position of an episode in a dataset.
struct DatasetEpisode {
  int64_t start = 0;   // the first step, counted over the whole dataset
  int64_t length = 0;  // [steps], at least 1
  bool terminated = false;
  bool truncated = false;  // neither: the recording stopped
};

// A dataset opened for reading. Files are treated as hostile (datasets/hdf5.h): contents that do
// not fit together give Error(kInput) that names file and object, before memory is allocated for
// them. Not thread-safe, because it keeps what it unpacked last.
class Dataset {
 public:
  // Opens a file or folder of any layout, recognised by its contents. Throws Error(kInput).
  static std::unique_ptr<Dataset> open(const std::string& path);

  virtual ~Dataset() = default;

  virtual DatasetFormat format() const = 0;

  // Reads one episode, 0 <= index < episodes().size(). Reading in order is fastest.
  virtual EpisodeData read(int64_t index) = 0;

  // Likewise without observations and info, whose columns are then empty. Cheap for datasets of
  // pictures.
  virtual EpisodeData read_steps(int64_t index) = 0;

  const std::string& path() const { return path_; }
  const DatasetSchema& schema() const { return schema_; }
  const std::vector<DatasetEpisode>& episodes() const { return episodes_; }
  int64_t steps() const { return steps_; }  // of all episodes

  // Messages on contents that are not read because they are not numeric arrays with one row per
  // step: "observations/mission is left out: it is text".
  const std::vector<std::string>& left_out() const { return left_out_; }

  // Steps after the last whole episode of a file whose writer was killed; they are not read.
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

// A dataset written episode by episode. It appears at its path complete, on commit(). Until then it
// grows as PATH.partial beside it: a killed process leaves all episodes, except the last few
// thousand steps, in a readable file or folder. It is removed when destroyed without commit().
class DatasetWriter {
 public:
  // A slash at the end of the path is ignored. Throws Error(kInput) when the path (even as a link)
  // or PATH.partial already exists, and Error(kRun) when neither can be created.
  static std::unique_ptr<DatasetWriter> create(const std::string& path, DatasetFormat format,
                                               const DatasetSchema& schema);

  virtual ~DatasetWriter() = default;

  // Throws Error(kInput) when the columns do not fit the schema or the episode is empty,
  // Error(kRun) when the disk fails. Data that a layout has no place for is left out. When only
  // flags separate episodes (D4RL), an episode without a mark at its end is marked truncated if
  // another one follows.
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
