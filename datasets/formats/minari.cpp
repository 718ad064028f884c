#include "datasets/formats/minari.h"

#include <algorithm>
#include <filesystem>

#include "core/error.h"
#include "core/file.h"
#include "core/json.h"
#include "core/text.h"
#include "datasets/formats/final_rows.h"
#include "datasets/formats/save_schedule.h"
#include "datasets/hdf5.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;

constexpr const char* kData = "data/main_data.hdf5";
constexpr const char* kMetadata = "data/metadata.json";
constexpr const char* kMinariVersion = "0.5.0";  // the oldest that reads this layout
constexpr const char* kOurKey = "reverie";       // of the attributes, in metadata.json
constexpr size_t kMaxMetadataBytes = size_t{64} << 20;
constexpr int64_t kMaxEpisodeBytes = int64_t{4} << 30;
constexpr size_t kCompressedBytes = size_t{1} << 20;  // smaller columns are stored as they are
constexpr int kGzip = 4;

std::string group_of(int64_t episode) { return fmt::format("episode_{}", episode); }

// ---------------------------------------------------------------------------------------------
// Reading

class MinariDataset final : public Dataset {
 public:
  explicit MinariDataset(const std::string& path)
      : Dataset(path), file_(Hdf5File::open_read((fs::path(path) / kData).string())) {
    read_metadata();
    find_fields();
    find_episodes();
  }

  DatasetFormat format() const override { return DatasetFormat::kMinari; }

  EpisodeData read(int64_t index) override {
    const int64_t length = episodes_.at(static_cast<size_t>(index)).length;
    const std::string group = group_of(index);
    EpisodeData episode = read_steps(index);
    for (const Field& field : schema_.observation) {
      episode.observation.push_back(read_rows(observation_name(group, field), field, length + 1));
    }
    const auto info_name = [&](const Field& field) { return group + "/infos/" + field.name; };
    episode.has_final_info =
        std::all_of(schema_.info.begin(), schema_.info.end(),
                    [&](const Field& field) { return row_count(info_name(field)) == length + 1; });
    for (const Field& field : schema_.info) {
      episode.info.push_back(read_rows(info_name(field), field,
                                       length + (episode.has_final_info ? 1 : 0), length + 1));
    }
    if (file_.integer_attribute(group, kUnseenEnd)) without_final_observation(episode, schema_);
    return episode;
  }

  EpisodeData read_steps(int64_t index) override {
    const int64_t length = episodes_.at(static_cast<size_t>(index)).length;
    const std::string group = group_of(index);
    EpisodeData episode;
    episode.action = read_rows(group + "/actions", schema_.action, length);
    const Hdf5Expected one_a_step{.shape = std::vector<int64_t>{length}};
    episode.reward = file_.read<float>(group + "/rewards", one_a_step);
    episode.terminated = read_flags(group + "/terminations", length);
    episode.truncated = read_flags(group + "/truncations", length);
    episode.seed = file_.integer_attribute(group, "seed");
    return episode;
  }

 private:
  void read_metadata() {
    const fs::path file = fs::path(path_) / kMetadata;
    const Json metadata = Json::parse(read_file(file, kMaxMetadataBytes), file.string());
    REVERIE_CHECK(metadata.object() != nullptr, "{}: is no JSON object", file.string());
    const Json* id = metadata.find("dataset_id");
    if (id != nullptr && id->text() != nullptr) schema_.attributes["dataset_id"] = *id->text();
    const Json* ours = metadata.find(kOurKey);
    if (ours == nullptr || ours->object() == nullptr) return;
    for (const auto& [key, value] : *ours->object()) {
      if (value.text() != nullptr) schema_.attributes[key] = *value.text();
    }
  }

  std::vector<int64_t> rows_shape(const std::string& array) const {
    std::vector<int64_t> shape = file_.shape(array);
    REVERIE_CHECK(!shape.empty(), "{}:{}: is a scalar, expected an array of rows", file_.path(),
                  array);
    return shape;
  }

  int64_t row_count(const std::string& array) const { return rows_shape(array).front(); }

  // A row of the array, as a field.
  Field row_field(const std::string& array, const std::string& name) const {
    const std::vector<int64_t> shape = rows_shape(array);
    double bytes = static_cast<double>(item_size(file_.dtype(array)));
    for (size_t i = 1; i < shape.size(); ++i) bytes *= static_cast<double>(shape[i]);
    REVERIE_CHECK(bytes > 0 && bytes <= static_cast<double>(kMaxEpisodeBytes),
                  "{}:{}: has rows of {:.0f} bytes, expected 1 to {}", file_.path(), array, bytes,
                  kMaxEpisodeBytes);
    return {.name = name, .shape = {shape.begin() + 1, shape.end()}, .dtype = file_.dtype(array)};
  }

  // The fields of the first episode are those of all.
  void find_fields() {
    const std::string first = group_of(0);
    const std::string observations = first + "/observations";
    grouped_ = file_.is_group(observations);
    if (grouped_) {
      for (const std::string& name : file_.list(observations)) {
        REVERIE_CHECK(!file_.is_group(observations + "/" + name),
                      "{}:{}/{}: is a group; observations within observations are not supported",
                      file_.path(), observations, name);
        schema_.observation.push_back(observation_field(observations + "/" + name, name));
      }
      REVERIE_CHECK(!schema_.observation.empty(), "{}:{}: has no field", file_.path(),
                    observations);
    } else {
      schema_.observation.push_back(observation_field(observations, "observation"));
    }
    schema_.action = row_field(first + "/actions", "action");
    const std::string infos = first + "/infos";
    if (!file_.exists(infos) || !file_.is_group(infos)) return;
    for (const std::string& name : file_.list(infos)) {
      if (is_numeric(infos + "/" + name)) {
        schema_.info.push_back(row_field(infos + "/" + name, name));
      }
    }
  }

  Field observation_field(const std::string& array, const std::string& name) const {
    REVERIE_CHECK(is_numeric(array),
                  "{}:{}: holds no numbers. Pictures that Minari packed as JPEG are not read; in "
                  "Python, record them with jpeg_encoding=False",
                  file_.path(), printable(array));
    return row_field(array, name);
  }

  // Infos hold whatever an environment told; what is no array of numbers is left out.
  bool is_numeric(const std::string& name) const {
    if (file_.is_group(name)) return false;
    try {
      file_.dtype(name);
      return true;
    } catch (const Error&) {
      return false;
    }
  }

  void find_episodes() {
    const auto count = static_cast<int64_t>(file_.list("/").size());
    for (int64_t index = 0; index < count; ++index) {
      const std::string rewards = group_of(index) + "/rewards";
      const std::vector<int64_t> shape = file_.shape(rewards);
      REVERIE_CHECK(shape.size() == 1 && shape[0] >= 1,
                    "{}:{}: expected one number a step and at least one step", file_.path(),
                    rewards);
      const auto last = [&](const char* flags) {
        uint8_t flag = 0;
        file_.read_rows(group_of(index) + flags, shape[0] - 1, DType::kUInt8,
                        std::as_writable_bytes(std::span(&flag, 1)));
        return flag != 0;
      };
      episodes_.push_back({steps_, shape[0], last("/terminations"), last("/truncations")});
      steps_ += shape[0];
    }
  }

  std::string observation_name(const std::string& group, const Field& field) const {
    return grouped_ ? group + "/observations/" + field.name : group + "/observations";
  }

  // The first `rows` rows of an array that has `rows` or, where given, `or_rows` of them.
  std::vector<std::byte> read_rows(const std::string& name, const Field& field, int64_t rows,
                                   int64_t or_rows = -1) const {
    const Field found = row_field(name, field.name);
    REVERIE_CHECK(found.shape == field.shape && found.dtype == field.dtype,
                  "{}:{}: its rows differ in shape or dtype from those of episode 0", file_.path(),
                  name);
    const int64_t has = row_count(name);
    REVERIE_CHECK(has == rows || has == or_rows, "{}:{}: has {} rows, expected {}", file_.path(),
                  name, has, rows);
    const double bytes = static_cast<double>(rows) * static_cast<double>(field.bytes());
    REVERIE_CHECK(bytes <= static_cast<double>(kMaxEpisodeBytes),
                  "{}:{}: has {:.0f} bytes, at most {} are read", file_.path(), name, bytes,
                  kMaxEpisodeBytes);
    file_.check_stored(name);
    std::vector<std::byte> values(static_cast<size_t>(rows) * field.bytes());
    file_.read_rows(name, 0, field.dtype, values);
    return values;
  }

  std::vector<uint8_t> read_flags(const std::string& name, int64_t length) const {
    std::vector<uint8_t> flags = file_.read<uint8_t>(name, {.shape = std::vector<int64_t>{length}});
    for (const uint8_t flag : flags) {
      REVERIE_CHECK(flag <= 1, "{}:{}: holds {}, expected 0 or 1", file_.path(), name, flag);
    }
    return flags;
  }

  Hdf5File file_;
  bool grouped_ = false;  // observations are a group of fields
};

// ---------------------------------------------------------------------------------------------
// Writing

// A list of lists with the field's shape that holds its bounds, as Python's json reads it.
std::string nested_bounds(const Field& field, const std::vector<float>& bounds,
                          const char* unbounded, size_t axis, size_t& next) {
  if (axis == field.shape.size()) {
    if (bounds.empty()) return unbounded;
    return fmt::format("{}", bounds[bounds.size() == 1 ? 0 : next++]);
  }
  std::string text = "[";
  for (int64_t i = 0; i < field.shape[axis]; ++i) {
    if (i > 0) text += ", ";
    text += nested_bounds(field, bounds, unbounded, axis + 1, next);
  }
  return text + "]";
}

// Gymnasium's space as Minari writes it: JSON in which an infinite bound is a number.
std::string box_text(const Field& field) {
  const bool bytes = field.dtype == DType::kUInt8 || field.dtype == DType::kBool;
  size_t low = 0, high = 0;
  return fmt::format(R"({{"type": "Box", "dtype": "{}", "shape": {}, "low": {}, "high": {}}})",
                     dtype_name(field.dtype), Json(field.shape).dump(),
                     nested_bounds(field, field.low, bytes ? "0" : "-Infinity", 0, low),
                     nested_bounds(field, field.high, bytes ? "255" : "Infinity", 0, high));
}

std::string action_space_text(const Field& action) {
  const bool discrete = action.dtype == DType::kInt64 && action.shape.empty();
  if (!discrete || action.high.empty()) return box_text(action);
  return fmt::format(R"({{"type": "Discrete", "dtype": "int64", "start": 0, "n": {}}})",
                     static_cast<int64_t>(action.high[0]) + 1);
}

// Removes the folders of a dataset that came to nothing, where nothing else is in them.
class FolderGuard {
 public:
  explicit FolderGuard(fs::path folder) : folder_(std::move(folder)) {}
  FolderGuard(const FolderGuard&) = delete;
  FolderGuard& operator=(const FolderGuard&) = delete;
  ~FolderGuard() {
    std::error_code ignored;
    if (kept_) return;
    fs::remove(folder_ / "data", ignored);
    fs::remove(folder_, ignored);
  }
  void keep() { kept_ = true; }

 private:
  fs::path folder_;
  bool kept_ = false;
};

class MinariWriter final : public DatasetWriter {
 public:
  MinariWriter(const std::string& path, const DatasetSchema& schema)
      : DatasetWriter(schema), folder_(path), guard_(path), file_(create_file(path)) {}

  void append(const EpisodeData& given) override {
    check(given);
    const std::optional<EpisodeData> whole = with_final_observation(given, schema_);
    if (!whole) return;
    const EpisodeData& episode = *whole;
    const int64_t length = episode.length();
    const std::string group = group_of(episodes_);
    for (size_t i = 0; i < schema_.observation.size(); ++i) {
      const Field& field = schema_.observation[i];
      write_rows(group + (is_grouped() ? "/observations/" + field.name : "/observations"), field,
                 episode.observation[i], length + 1);
    }
    write_rows(group + "/actions", schema_.action, episode.action, length);
    for (size_t i = 0; i < schema_.info.size(); ++i) {
      write_rows(group + "/infos/" + schema_.info[i].name, schema_.info[i], episode.info[i],
                 length + (episode.has_final_info ? 1 : 0));
    }
    const std::vector<int64_t> shape{length};
    file_.write<float>(group + "/rewards", shape, episode.reward);
    file_.write(group + "/terminations", DType::kBool, shape,
                std::as_bytes(std::span(episode.terminated)));
    file_.write(group + "/truncations", DType::kBool, shape,
                std::as_bytes(std::span(episode.truncated)));
    file_.set_attribute(group, "id", episodes_);
    file_.set_attribute(group, "total_steps", length);
    if (episode.seed) file_.set_attribute(group, "seed", *episode.seed);
    if (!episode.has_final_observation) file_.set_attribute(group, kUnseenEnd, int64_t{1});
    steps_ += length;
    ++episodes_;
    if (schedule_.is_due(steps_)) file_.save_progress();
  }

  void commit() override {
    Json metadata =
        Json::Object{{"total_episodes", episodes_},
                     {"total_steps", steps_},
                     {"data_format", "hdf5"},
                     {"observation_space", observation_space_text()},
                     {"action_space", action_space_text(schema_.action)},
                     {"dataset_id", dataset_id()},
                     {"minari_version", kMinariVersion},
                     {"jpeg_encoding", false},  // from 0.5.4 on pictures are JPEG otherwise
                     {"author", Json::List()},
                     {"author_email", Json::List()}};
    if (!schema_.attributes.empty()) metadata.set(kOurKey, schema_.attributes);
    file_.commit();
    write_file_atomically(folder_ / kMetadata, metadata.dump(2));
    guard_.keep();
  }

 private:
  static Hdf5File create_file(const fs::path& folder) {
    std::error_code error;
    fs::create_directories(folder / "data", error);
    REVERIE_CHECK_RUN(!error, "{}: cannot be made: {}", (folder / "data").string(),
                      error.message());
    const std::string path = (folder / kData).string();
    return Hdf5File::create(path, path + ".partial");
  }

  bool is_grouped() const {
    return schema_.observation.size() != 1 || schema_.observation[0].name != "observation";
  }

  void write_rows(const std::string& name, const Field& field, std::span<const std::byte> rows,
                  int64_t count) {
    std::vector<int64_t> shape{count};
    shape.insert(shape.end(), field.shape.begin(), field.shape.end());
    file_.write(name, field.dtype, shape, rows,
                {.gzip = rows.size() >= kCompressedBytes ? kGzip : 0});
  }

  std::string observation_space_text() const {
    if (!is_grouped()) return box_text(schema_.observation[0]);
    std::string text;
    for (const Field& field : schema_.observation) {
      text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", Json(field.name).dump(),
                          box_text(field));
    }
    return fmt::format(R"({{"type": "Dict", "subspaces": {{{}}}}})", text);
  }

  // Minari's form: (namespace/)name-vN.
  std::string dataset_id() const {
    const auto known = schema_.attributes.find("dataset_id");
    if (known != schema_.attributes.end()) return known->second;
    const auto text = [&](const char* key, const char* otherwise) {
      const auto found = schema_.attributes.find(key);
      return found == schema_.attributes.end() ? std::string(otherwise) : found->second;
    };
    return fmt::format("{}/{}-v0", text("env", "unknown"),
                       fs::path(text("policy", "data")).filename().string());
  }

  fs::path folder_;
  FolderGuard guard_;  // goes after the file in it
  Hdf5File file_;
  SaveSchedule schedule_;
};

}  // namespace

std::unique_ptr<Dataset> open_minari(const std::string& path) {
  return std::make_unique<MinariDataset>(path);
}

std::unique_ptr<DatasetWriter> create_minari(const std::string& path, const DatasetSchema& schema) {
  return std::make_unique<MinariWriter>(path, schema);
}

}  // namespace reverie
