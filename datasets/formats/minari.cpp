#include "datasets/formats/minari.h"

#include <algorithm>
#include <filesystem>

#include <fmt/ranges.h>

#include "core/error.h"
#include "core/file.h"
#include "core/json.h"
#include "core/text.h"
#include "datasets/formats/final_rows.h"
#include "datasets/formats/minari_layout.h"
#include "datasets/formats/picture_bytes.h"
#include "datasets/formats/spaces.h"
#include "datasets/hdf5.h"

// Reading; minari_write.cpp contains writing.

namespace reverie {
namespace {

namespace fs = std::filesystem;

using minari::group_of;

constexpr size_t kMaxMetadataBytes = size_t{64} << 20;
constexpr int64_t kMaxEpisodeBytes = int64_t{4} << 30;

class MinariDataset final : public Dataset {
 public:
  explicit MinariDataset(const std::string& path)
      : Dataset(path), file_(Hdf5File::open_read((fs::path(path) / minari::kData).string())) {
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
    metadata_file_ = (fs::path(path_) / minari::kMetadata).string();
    const Json metadata = Json::parse(read_file(metadata_file_, kMaxMetadataBytes), metadata_file_);
    REVERIE_CHECK(metadata.object() != nullptr, "{}: is not a JSON object", metadata_file_);
    const auto text = [&](const char* key) {
      const Json* found = metadata.find(key);
      return found == nullptr ? nullptr : found->text();
    };
    for (const char* key : {minari::kId, minari::kEnvSpec}) {
      if (text(key) != nullptr) schema_.attributes[key] = *text(key);
    }
    const auto space = [&](const char* key) {
      return text(key) == nullptr
                 ? Json()
                 : parse_space(*text(key), fmt::format("{}: '{}'", metadata_file_, key));
    };
    observation_space_ = space(minari::kObservationSpace);
    action_space_ = space(minari::kActionSpace);
    const Json* unfinished = metadata.find(minari::kUnfinished);
    unfinished_ = unfinished != nullptr && unfinished->boolean().value_or(false);
    const Json* ours = metadata.find(minari::kOurKey);
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

  // The first episode determines the fields of all episodes.
  void find_fields() {
    const std::string first = group_of(0);
    REVERIE_CHECK(!unfinished_ || file_.exists(first),
                  "{}: its writer was killed before an episode was done", path_);
    const std::string observations = first + "/observations";
    grouped_ = file_.is_group(observations);
    if (grouped_) {
      for (const std::string& name : file_.list(observations)) {
        const std::string array = observations + "/" + name;
        REVERIE_CHECK(!file_.is_group(array),
                      "{}:{}: is a group; observations within observations are not supported",
                      file_.path(), printable(array));
        add_observation(array, name, subspace(name));
      }
      REVERIE_CHECK(!schema_.observation.empty(), "{}:{}: has no field of numbers", file_.path(),
                    observations);
    } else {
      add_observation(observations, "observation", observation_space_);
      REVERIE_CHECK(!schema_.observation.empty(), "{}:{}: holds no numbers", file_.path(),
                    observations);
    }
    schema_.action = row_field(first + "/actions", "action");
    check_space(first + "/actions", action_space_, schema_.action);
    take_bounds(action_space_, schema_.action);
    const std::string infos = first + "/infos";
    if (!file_.exists(infos) || !file_.is_group(infos)) return;
    for (const std::string& name : file_.list(infos)) {
      if (is_numeric(infos + "/" + name)) {
        schema_.info.push_back(row_field(infos + "/" + name, name));
      } else {
        leave_out("infos/" + name, "it is not an array of numbers");
      }
    }
  }

  Json subspace(const std::string& name) const {
    const Json* all = observation_space_.find("subspaces");
    const Json* space = all == nullptr ? nullptr : all->find(name);
    return space == nullptr ? Json() : *space;
  }

  // Texts, such as MiniGrid's mission, are left out.
  void add_observation(const std::string& array, const std::string& name, const Json& space) {
    if (!is_numeric(array)) {
      REVERIE_CHECK(!is_picture_space(space), "{}:{}: {}", file_.path(), printable(array), kPacked);
      leave_out("observations/" + name,
                is_text_space(space) ? "it is text" : "it is not an array of numbers");
      return;
    }
    Field field = row_field(array, name);
    check_space(array, space, field);
    take_bounds(space, field);
    schema_.observation.push_back(std::move(field));
  }

  // The rows must be values of the space that the metadata declare. Minari packs pictures as JPEG
  // by default, and if all have the same number of bytes they look like a numeric array.
  void check_space(const std::string& array, const Json& space, const Field& field) const {
    if (field.dtype == DType::kUInt8 && field.shape.size() == 1) {
      file_.check_stored(array);
      std::vector<std::byte> row(field.bytes());
      file_.read_rows(array, 0, field.dtype, row);
      REVERIE_CHECK(!is_picture_file(field, row), "{}:{}: {}", file_.path(), printable(array),
                    kPacked);
    }
    const std::optional<std::vector<int64_t>> shape = space_shape(space);
    if (!shape || *shape == field.shape) return;
    REVERIE_CHECK(!is_picture_space(space), "{}:{}: {}", file_.path(), printable(array), kPacked);
    const Field declared{.name = field.name, .shape = *shape};
    REVERIE_CHECK(declared.numel() == field.numel(),
                  "{}:{}: has rows of shape [{}], but metadata.json declares [{}]", file_.path(),
                  printable(array), fmt::join(field.shape, ", "), fmt::join(*shape, ", "));
  }

  // Infos hold whatever an environment reported.
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

  void leave_out(const std::string& name, const char* reason) {
    left_out_.push_back(fmt::format("{} is left out: {}", printable(name), reason));
  }

  std::string observation_name(const std::string& group, const Field& field) const {
    return grouped_ ? group + "/observations/" + field.name : group + "/observations";
  }

  // The first `rows` rows of an array with `rows` or, if given, `or_rows` rows.
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

  static constexpr const char* kPacked =
      "holds pictures that Minari packed as JPEG, which are not read; in Python, record them with "
      "jpeg_encoding=False";

  Hdf5File file_;
  std::string metadata_file_;
  Json observation_space_, action_space_;  // null when the metadata declare none
  bool unfinished_ = false;                // the writer was killed
  bool grouped_ = false;                   // observations are a group of fields
};

}  // namespace

std::unique_ptr<Dataset> open_minari(const std::string& path) {
  return std::make_unique<MinariDataset>(path);
}

}  // namespace reverie
