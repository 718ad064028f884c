#include "datasets/formats/stable_worldmodel.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "core/error.h"
#include "core/field_numbers.h"
#include "core/text.h"
#include "datasets/formats/final_rows.h"
#include "datasets/formats/hdf5_column.h"
#include "datasets/formats/save_schedule.h"
#include "datasets/formats/spaces.h"

namespace reverie {
namespace {

constexpr int64_t kChunkBytes = int64_t{256} << 10;  // of the widest column
constexpr int64_t kMaxChunkRows = 4096;
constexpr int64_t kEpisodeChunkRows = 1024;
constexpr int kGzip = 4;
constexpr size_t kMostMarks = 60'000;     // an attribute holds 64 KB
constexpr const char* kInfoKey = "info";  // attribute of the root: names separated by commas

// Columns that are not part of the schema.
constexpr const char* kReserved[] = {"action", "reward",     "terminated", "truncated",
                                     "ep_len", "ep_offset",  "step_idx",   "id",
                                     "ep_idx", "episode_idx"};

bool is_reserved(const std::string& name) {
  return std::find(std::begin(kReserved), std::end(kReserved), name) != std::end(kReserved);
}

std::vector<std::string> split_names(const std::string& text) {
  std::vector<std::string> names(1);
  for (const char c : text) {
    if (c == ',') {
      names.emplace_back();
    } else {
      names.back() += c;
    }
  }
  return names;
}

// The name of the column that numbers the episodes in files without ep_len; "" in other files.
std::string index_column(const Hdf5File& file) {
  if (!file.exists("step_idx")) return "";
  for (const char* name : {"episode_idx", "ep_idx"}) {
    if (file.exists(name)) return name;
  }
  return "";
}

// ---------------------------------------------------------------------------------------------
// Reading

class StableWorldModelDataset final : public Dataset {
 public:
  explicit StableWorldModelDataset(Hdf5File file)
      : Dataset(file.path()), file_(std::move(file)), action_(file_, "action", "action") {
    schema_.attributes = read_dataset_attributes(file_, left_out_);
    schema_.action = action_.field();
    find_columns();
    read_bounds(root_attribute(file_, kBoundsKey), path_ + ": attribute " + kBoundsKey, schema_);
    const bool unfinished = root_attribute(file_, kStatusKey) == kStatusUnfinished;
    const int64_t rows = count_rows(unfinished);
    read_rewards_and_flags(rows);
    const std::vector<Slice> slices = file_.exists("ep_len") ? read_slices() : derive_slices(rows);
    has_reset_rows_ = starts_with_reset(slices.front(), rows);
    if (has_reset_rows_) unseen_ends_ = root_attribute(file_, kUnseenEnd);
    for (const Slice& slice : slices) add_episode(slice, rows, unfinished);
    REVERIE_CHECK(!episodes_.empty(), "{}: its writer was killed before an episode was done",
                  path_);
  }

  DatasetFormat format() const override { return DatasetFormat::kStableWorldModel; }

  EpisodeData read(int64_t index) override {
    const int64_t length = episodes_.at(static_cast<size_t>(index)).length;
    const int64_t first = first_rows_[static_cast<size_t>(index)];
    const int64_t rows = length + (has_reset_rows_ ? 1 : 0);
    EpisodeData episode = read_steps(index);
    for (Hdf5Column& column : observation_) {
      column.read(first, rows, episode.observation.emplace_back());
    }
    for (Hdf5Column& column : info_) column.read(first, rows, episode.info.emplace_back());
    episode.has_final_observation = has_reset_rows_;
    episode.has_final_info = has_reset_rows_ || info_.empty();
    if (has_reset_rows_) trim_info(episode, schema_);
    if (is_unseen(index)) without_final_observation(episode, schema_);
    return episode;
  }

  EpisodeData read_steps(int64_t index) override {
    const int64_t length = episodes_.at(static_cast<size_t>(index)).length;
    const int64_t first = first_rows_[static_cast<size_t>(index)];
    EpisodeData episode;
    action_.read(first, length, episode.action);
    const auto cut = [&](const auto& values) {
      const auto begin = values.begin() + first + (has_reset_rows_ ? 1 : 0);
      return std::vector(begin, begin + length);
    };
    episode.reward = cut(rewards_);
    episode.terminated = cut(terminated_);
    episode.truncated = cut(truncated_);
    return episode;
  }

 private:
  bool is_unseen(int64_t index) const {
    return static_cast<size_t>(index) < unseen_ends_.size() &&
           unseen_ends_[static_cast<size_t>(index)] == '1';
  }

  // The position of an episode, including its reset.
  struct Slice {
    int64_t first = 0, rows = 0;
  };

  void find_columns() {
    const std::vector<std::string> listed = split_names(root_attribute(file_, kInfoKey));
    const bool is_ours = !listed.front().empty();
    for (const std::string& name : file_.list("/")) {
      if (is_reserved(name)) continue;
      if (const std::string reason = why_no_column(file_, name); !reason.empty()) {
        left_out_.push_back(fmt::format("{} is left out: {}", printable(name), reason));
        continue;
      }
      const bool known =
          name == "qpos" || name == "qvel" || name == "physics" || name.starts_with("variation.");
      const bool is_info =
          is_ours ? std::find(listed.begin(), listed.end(), name) != listed.end() : known;
      (is_info ? info_ : observation_).emplace_back(file_, name, name);
    }
    REVERIE_CHECK(!observation_.empty(), "{}: has no column that could be an observation", path_);
    for (const Hdf5Column& column : observation_) schema_.observation.push_back(column.field());
    for (const Hdf5Column& column : info_) schema_.info.push_back(column.field());
  }

  Hdf5Column open_column(const std::string& name) const {
    try {
      return {file_, name, name};
    } catch (const Error& error) {
      throw Error(std::string(error.what()) +
                  ". Files that h5py wrote with libver='latest' hold bools that HDF5 1.10 cannot "
                  "read; docs/datasets.md says how to store them as uint8");
    }
  }

  // The number of rows that every column has. In a finished file all have the same number.
  int64_t count_rows(bool unfinished) const {
    int64_t rows = action_.rows();
    const auto see = [&](const std::string& name, int64_t found) {
      REVERIE_CHECK(unfinished || found == action_.rows(),
                    "{}:{}: has {} rows, but action has {}; expected the same in every column",
                    path_, printable(name), found, action_.rows());
      rows = std::min(rows, found);
    };
    for (const auto* columns : {&observation_, &info_}) {
      for (const Hdf5Column& column : *columns) see(column.name(), column.rows());
    }
    for (const char* name : {"reward", "terminated", "truncated"}) {
      if (!file_.exists(name)) continue;
      const Hdf5Column column = open_column(name);
      REVERIE_CHECK(column.field().numel() == 1, "{}:{}: expected one number a row", path_, name);
      see(name, column.rows());
    }
    REVERIE_CHECK(rows >= 1 && rows <= kMaxDatasetSteps, "{}: has {} rows, expected 1 to {}", path_,
                  rows, kMaxDatasetSteps);
    return rows;
  }

  void read_rewards_and_flags(int64_t rows) {
    rewards_.resize(static_cast<size_t>(rows));
    if (file_.exists("reward")) {
      file_.read_rows("reward", 0, DType::kFloat32, std::as_writable_bytes(std::span(rewards_)));
    } else {
      schema_.attributes["reward"] = "the file has none; 0 is used";
    }
    const auto read = [&](const char* name) {
      return file_.exists(name) ? read_flags(file_, name, rows)
                                : std::vector<uint8_t>(rewards_.size());
    };
    terminated_ = read("terminated");
    truncated_ = read("truncated");
  }

  std::vector<int64_t> read_index(const std::string& name, int64_t rows) const {
    return file_.read<int64_t>(name, {.shape = std::vector<int64_t>{rows},
                                      .max_bytes = kMaxDatasetSteps * int64_t{sizeof(int64_t)}});
  }

  std::vector<Slice> read_slices() const {
    std::vector<int64_t> lengths = read_index("ep_len", -1), offsets = read_index("ep_offset", -1);
    const bool unfinished = root_attribute(file_, kStatusKey) == kStatusUnfinished;
    REVERIE_CHECK(unfinished || lengths.size() == offsets.size(),
                  "{}: has {} episodes in ep_len, but {} in ep_offset", path_, lengths.size(),
                  offsets.size());
    std::vector<Slice> slices;
    for (size_t e = 0; e < std::min(lengths.size(), offsets.size()); ++e) {
      slices.push_back({offsets[e], lengths[e]});
    }
    REVERIE_CHECK(!slices.empty(), "{}: has no episode in ep_len", path_);
    return slices;
  }

  // From an episode's number and a step count in each row.
  std::vector<Slice> derive_slices(int64_t rows) const {
    const std::string name = index_column(file_);
    const std::vector<int64_t> episode = read_index(name, rows),
                               step = read_index("step_idx", rows);
    std::vector<Slice> slices;
    for (size_t row = 0; row < episode.size(); ++row) {
      if (row == 0 || episode[row] != episode[row - 1]) {
        slices.push_back({static_cast<int64_t>(row), 0});
      } else {
        REVERIE_CHECK(step[row] > step[row - 1],
                      "{}:step_idx: row {} is {} after {}, but {} says that the episode goes on",
                      path_, row, step[row], step[row - 1], name);
      }
      ++slices.back().rows;
    }
    return slices;
  }

  void check_slice(const Slice& slice, size_t episode, int64_t end, int64_t rows) const {
    REVERIE_CHECK(
        slice.first >= end && slice.rows >= 1 && slice.rows <= kMaxDatasetSteps &&
            slice.first <= rows - slice.rows,
        "{}: episode {} has {} rows from row {} on (ep_len, ep_offset), expected at least "
        "one, from row {} to {}",
        path_, episode, slice.rows, slice.first, end, rows);
  }

  bool starts_with_reset(const Slice& slice, int64_t rows) {
    check_slice(slice, 0, 0, rows);
    return std::isnan(rewards_[static_cast<size_t>(slice.first)]) ||
           is_no_action(slice.first + slice.rows - 1);
  }

  bool is_no_action(int64_t row) {
    std::vector<std::byte> action;
    action_.read(row, 1, action);
    const std::vector<double> values = numbers(schema_.action, action);
    constexpr auto kNanAsInteger = static_cast<double>(std::numeric_limits<int64_t>::min());
    return std::all_of(values.begin(), values.end(), [&](double x) {
      return std::isnan(x) || (schema_.action.dtype == DType::kInt64 && x == kNanAsInteger);
    });
  }

  void add_episode(const Slice& slice, int64_t rows, bool unfinished) {
    const int64_t end = first_rows_.empty() ? 0 : end_;
    if (unfinished && slice.first + slice.rows > rows) return;
    const size_t index = episodes_.size();
    check_slice(slice, index, end, rows);
    const int64_t length = slice.rows - (has_reset_rows_ ? 1 : 0);
    REVERIE_CHECK(length >= 1, "{}: episode {} has no step, only the row of its reset", path_,
                  index);
    const auto last = static_cast<size_t>(slice.first + slice.rows - 1);
    episodes_.push_back({steps_, length, terminated_[last] != 0, truncated_[last] != 0});
    first_rows_.push_back(slice.first);
    end_ = slice.first + slice.rows;
    steps_ += length;
  }

  Hdf5File file_;
  Hdf5Column action_;
  std::vector<Hdf5Column> observation_, info_;
  std::vector<float> rewards_;                   // of all rows
  std::vector<uint8_t> terminated_, truncated_;  // of all rows
  bool has_reset_rows_ = true;
  std::string unseen_ends_;          // a '1' for each episode whose last observation is unknown
  std::vector<int64_t> first_rows_;  // of each episode
  int64_t end_ = 0;                  // after the last episode's rows
};

// ---------------------------------------------------------------------------------------------
// Writing

class StableWorldModelWriter final : public DatasetWriter {
 public:
  StableWorldModelWriter(const std::string& path, const DatasetSchema& schema)
      : DatasetWriter(schema), file_(Hdf5File::create(path, path + ".partial")) {
    size_t row_bytes = schema_.action.bytes();
    for (const auto* fields : {&schema_.observation, &schema_.info}) {
      for (const Field& field : *fields) row_bytes = std::max(row_bytes, field.bytes());
    }
    const int64_t chunk =
        std::clamp<int64_t>(kChunkBytes / static_cast<int64_t>(row_bytes), 1, kMaxChunkRows);
    for (const Field& field : schema_.observation) observation_.push_back(add(field, chunk));
    std::string info_names;
    for (const Field& field : schema_.info) {
      info_.push_back(add(field, chunk));
      info_names += (info_names.empty() ? "" : ",") + field.name;
    }
    action_ = add(schema_.action, chunk);
    reward_ = add({.name = "reward", .shape = {}}, chunk);
    terminated_ = add({.name = "terminated", .shape = {}, .dtype = DType::kBool}, chunk);
    truncated_ = add({.name = "truncated", .shape = {}, .dtype = DType::kBool}, chunk);
    step_ = add({.name = "step_idx", .shape = {}, .dtype = DType::kInt64}, chunk);
    length_ = add({.name = "ep_len", .shape = {}, .dtype = DType::kInt64}, kEpisodeChunkRows);
    offset_ = add({.name = "ep_offset", .shape = {}, .dtype = DType::kInt64}, kEpisodeChunkRows);
    for (const auto& [key, text] : schema_.attributes) file_.set_attribute("/", key, text);
    if (const std::string bounds = bounds_text(schema_); !bounds.empty()) {
      file_.set_attribute("/", kBoundsKey, bounds);
    }
    file_.set_attribute("/", kInfoKey, info_names);
    file_.set_attribute("/", kStatusKey, kStatusUnfinished);
    file_.save_progress();
  }

  void append(const EpisodeData& given) override {
    check(given);
    const std::optional<EpisodeData> whole = with_final_observation(given, schema_);
    if (!whole) return;
    for (size_t f = 0; f < observation_.size(); ++f) {
      append_rows(observation_[f], whole->observation[f]);
    }
    const std::vector<std::vector<std::byte>> info = padded_info(*whole, schema_);
    for (size_t f = 0; f < info_.size(); ++f) append_rows(info_[f], info[f]);
    append_rows(action_, whole->action);
    append_rows(action_, no_action());
    constexpr float kNoReward = std::numeric_limits<float>::quiet_NaN();
    constexpr uint8_t kNoFlag = 0;
    append_after(reward_, kNoReward, whole->reward);
    append_after(terminated_, kNoFlag, whole->terminated);
    append_after(truncated_, kNoFlag, whole->truncated);
    const int64_t rows = whole->length() + 1;
    for (int64_t step = 0; step < rows; ++step) append_one(step_, step);
    unseen_ends_.push_back(whole->has_final_observation ? '0' : '1');
    REVERIE_CHECK(whole->has_final_observation || unseen_ends_.size() <= kMostMarks,
                  "{}: the end of episode {} is not known, which the layout stable-worldmodel can "
                  "note of only {} episodes; use another layout, such as minari",
                  file_.path(), unseen_ends_.size() - 1, kMostMarks);
    append_one(length_, rows);
    append_one(offset_, rows_);
    rows_ += rows;
    steps_ += whole->length();
    ++episodes_;
    if (!schedule_.is_due(rows_)) return;
    for (const Target& target : targets()) target.appender->flush();
    write_unseen_ends();
    file_.save_progress();
  }

  void commit() override {
    write_unseen_ends();
    file_.set_attribute("/", kStatusKey, kStatusComplete);
    file_.commit();
  }

 private:
  // One attribute for all episodes, because the package takes every dataset for a column.
  void write_unseen_ends() {
    if (unseen_ends_.find('1') != std::string::npos) {
      file_.set_attribute("/", kUnseenEnd, unseen_ends_);
    }
  }

  struct Target {
    Field field;
    Hdf5Appender* appender = nullptr;
  };

  Target add(const Field& field, int64_t chunk_rows) {
    std::vector<int64_t> chunk{chunk_rows};
    chunk.insert(chunk.end(), field.shape.begin(), field.shape.end());
    return {field, &file_.appender("", field, {.gzip = kGzip, .chunk = chunk})};
  }

  std::vector<Target> targets() const {
    std::vector<Target> all = observation_;
    all.insert(all.end(), info_.begin(), info_.end());
    all.insert(all.end(), {action_, reward_, terminated_, truncated_, step_, length_, offset_});
    return all;
  }

  static void append_rows(const Target& target, std::span<const std::byte> rows) {
    const auto count = static_cast<int64_t>(rows.size() / target.field.bytes());
    target.appender->append({&target.field, rows.data(), count});
  }

  template <typename T>
  static void append_one(const Target& target, const T& value) {
    append_rows(target, std::as_bytes(std::span(&value, 1)));
  }

  template <typename T>
  static void append_after(const Target& target, const T& first, const std::vector<T>& values) {
    append_one(target, first);
    append_rows(target, std::as_bytes(std::span(values)));
  }

  // The last row's action: NaN, or in an array of integers the value that NumPy converts NaN to.
  std::vector<std::byte> no_action() const {
    std::vector<std::byte> row(schema_.action.bytes());
    const auto fill = [&]<typename T>(T value) {
      const auto bytes = std::as_bytes(std::span(&value, 1));
      for (size_t at = 0; at < row.size(); at += sizeof value) {
        std::copy(bytes.begin(), bytes.end(), row.begin() + static_cast<int64_t>(at));
      }
    };
    if (schema_.action.dtype == DType::kFloat32) fill(std::numeric_limits<float>::quiet_NaN());
    if (schema_.action.dtype == DType::kFloat64) fill(std::numeric_limits<double>::quiet_NaN());
    if (schema_.action.dtype == DType::kInt64) fill(std::numeric_limits<int64_t>::min());
    return row;
  }

  Hdf5File file_;
  int64_t rows_ = 0;
  std::string unseen_ends_;
  SaveSchedule schedule_;
  std::vector<Target> observation_, info_;
  Target action_, reward_, terminated_, truncated_, step_, length_, offset_;
};

}  // namespace

bool holds_stable_worldmodel(const Hdf5File& file) {
  return file.exists("ep_len") || !index_column(file).empty();
}

std::unique_ptr<Dataset> open_stable_worldmodel(Hdf5File file) {
  return std::make_unique<StableWorldModelDataset>(std::move(file));
}

std::unique_ptr<DatasetWriter> create_stable_worldmodel(const std::string& path,
                                                        const DatasetSchema& schema) {
  return std::make_unique<StableWorldModelWriter>(path, schema);
}

}  // namespace reverie
