#include "datasets/formats/exorl.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <tuple>

#include <fmt/ranges.h>

#include "core/error.h"
#include "core/field_numbers.h"
#include "core/file.h"
#include "core/json.h"
#include "core/text.h"
#include "datasets/formats/final_rows.h"
#include "datasets/formats/narrowing.h"
#include "datasets/formats/npz.h"
#include "datasets/formats/partial_folder.h"
#include "datasets/formats/picture_bytes.h"
#include "datasets/formats/spaces.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;

constexpr const char* kBuffer = "buffer";
constexpr const char* kMetadata = "metadata.json";
constexpr size_t kMaxMetadataBytes = size_t{64} << 20;
constexpr int64_t kMaxArrayBytes = int64_t{1} << 30;    // of one episode
constexpr int64_t kMaxNumberBytes = int64_t{64} << 20;  // of rewards and of discounts
constexpr size_t kMaxEpisodes = 10'000'000;
constexpr const char* kPhysics = "physics";

// ---------------------------------------------------------------------------------------------
// Reading

struct EpisodeFile {
  int64_t index = 0;
  int64_t length = 0;  // [steps]
  fs::path path;
};

// The numbers of NAME_{index}_{T}.npz.
EpisodeFile parse_name(const fs::path& path) {
  EpisodeFile file{.path = path};
  std::string stem = path.stem().string();
  const auto take_number = [&](int64_t& number) {
    const size_t at = stem.rfind('_');
    if (at == std::string::npos) return false;
    const char* end = stem.data() + stem.size();
    const auto [stop, error] = std::from_chars(stem.data() + at + 1, end, number);
    stem.resize(at);
    return error == std::errc{} && stop == end && number >= 0;
  };
  REVERIE_CHECK(take_number(file.length) && take_number(file.index),
                "{}: expected a name such as episode_000012_1000.npz, with the episode's index and "
                "its number of steps",
                path.string());
  return file;
}

std::vector<EpisodeFile> list_episodes(const fs::path& folder) {
  std::vector<EpisodeFile> files;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (it->path().extension() != ".npz") continue;
    files.push_back(parse_name(it->path()));
    REVERIE_CHECK(files.size() <= kMaxEpisodes, "{}: holds more than {} episodes", folder.string(),
                  kMaxEpisodes);
  }
  REVERIE_CHECK(!error, "{}: cannot be read: {}", folder.string(), error.message());
  std::sort(files.begin(), files.end(), [](const EpisodeFile& a, const EpisodeFile& b) {
    return std::tie(a.index, a.path) < std::tie(b.index, b.path);
  });
  return files;
}

class ExorlDataset final : public Dataset {
 public:
  explicit ExorlDataset(const std::string& path) : Dataset(path) {
    std::error_code ignored;
    const bool has_buffer = fs::is_directory(fs::path(path) / kBuffer, ignored);
    files_ = list_episodes(has_buffer ? fs::path(path) / kBuffer : fs::path(path));
    REVERIE_CHECK(!files_.empty(),
                  "{}: holds no dataset, expected data/main_data.hdf5 (minari) or "
                  "buffer/episode_*.npz (exorl)",
                  path);
    if (fs::exists(fs::path(path) / kMetadata, ignored)) read_metadata();
    find_fields(NpzFile(files_.front().path), files_.front().length);
    read_bounds(bounds_, path_ + ": " + kBoundsKey, schema_);
    for (const EpisodeFile& file : files_) {
      const NpzFile npz(file.path);
      check_arrays(npz, file.length);
      const std::vector<double> discount = numbers_of(npz, "discount");
      episodes_.push_back({steps_, file.length, discount.back() == 0.0, discount.back() != 0.0});
      steps_ += file.length;
    }
  }

  DatasetFormat format() const override { return DatasetFormat::kExorl; }

  EpisodeData read(int64_t index) override {
    const NpzFile npz(files_.at(static_cast<size_t>(index)).path);
    EpisodeData episode = read_steps(npz, index);
    for (const Field& field : schema_.observation) {
      episode.observation.push_back(npz.read(*npz.find(field.name), kMaxArrayBytes));
    }
    read_info(npz, episode);
    if (npz.find(kUnseenEnd) != nullptr) without_final_observation(episode, schema_);
    return episode;
  }

  EpisodeData read_steps(int64_t index) override {
    return read_steps(NpzFile(files_.at(static_cast<size_t>(index)).path), index);
  }

 private:
  EpisodeData read_steps(const NpzFile& npz, int64_t index) const {
    check_arrays(npz, files_[static_cast<size_t>(index)].length);
    EpisodeData episode;
    episode.action = npz.read(*npz.find("action"), kMaxArrayBytes);
    episode.action.erase(episode.action.begin(),
                         episode.action.begin() + static_cast<int64_t>(schema_.action.bytes()));
    const std::vector<double> reward = numbers_of(npz, "reward");
    episode.reward.assign(reward.begin() + 1, reward.end());
    const std::vector<double> discount = numbers_of(npz, "discount");
    for (size_t t = 1; t < discount.size(); ++t) {
      episode.terminated.push_back(discount[t] == 0.0 ? 1 : 0);
    }
    episode.truncated.resize(episode.terminated.size());
    episode.truncated.back() = episode.terminated.back() == 0 ? 1 : 0;
    return episode;
  }

  void read_metadata() {
    const fs::path file = fs::path(path_) / kMetadata;
    const Json metadata = Json::parse(read_file(file, kMaxMetadataBytes), file.string());
    REVERIE_CHECK(metadata.object() != nullptr, "{}: is not a JSON object", file.string());
    const auto names = [&](const char* key, std::vector<std::string>& out) {
      const Json* list = metadata.find(key);
      if (list == nullptr) return;
      REVERIE_CHECK(list->list() != nullptr, "{}: '{}' is not a list of names", file.string(), key);
      out.clear();
      for (const Json& name : *list->list()) {
        REVERIE_CHECK(name.text() != nullptr, "{}: '{}' is not a list of names", file.string(),
                      key);
        out.push_back(*name.text());
      }
    };
    names("observation", observation_names_);
    names("info", info_names_);
    REVERIE_CHECK(!observation_names_.empty(), "{}: 'observation' lists no array", file.string());
    if (const Json* nq = metadata.find("nq")) {
      REVERIE_CHECK(nq->integer(), "{}: 'nq' is not an integer", file.string());
      nq_ = nq->integer();
    }
    if (const Json* bounds = metadata.find(kBoundsKey); bounds != nullptr && bounds->text()) {
      bounds_ = *bounds->text();
    }
    const Json* attributes = metadata.find("attributes");
    if (attributes == nullptr || attributes->object() == nullptr) return;
    for (const auto& [key, value] : *attributes->object()) {
      if (value.text() != nullptr) schema_.attributes[key] = *value.text();
    }
  }

  static Field row_field(const NpzFile& npz, const std::string& name) {
    const NpzFile::Array* array = npz.find(name);
    if (array == nullptr) {
      std::vector<std::string> known;
      for (const NpzFile::Array& other : npz.arrays()) known.push_back(other.name);
      fail_input("{}: has no array '{}', only {}", npz.path(), printable(name),
                 fmt::join(known, ", "));
    }
    REVERIE_CHECK(array->unread.empty(), "{}:{}: {}", npz.path(), name, array->unread);
    const std::vector<int64_t>& shape = array->header.shape;
    REVERIE_CHECK(!shape.empty(), "{}:{}: is a scalar, expected an array of rows", npz.path(),
                  name);
    Field field{
        .name = name, .shape = {shape.begin() + 1, shape.end()}, .dtype = array->header.dtype};
    REVERIE_CHECK(shape[0] > 0 && array->header.value_bytes > 0,
                  "{}:{}: has shape [{}], expected rows that hold something", npz.path(), name,
                  fmt::join(shape, ", "));
    return field;
  }

  // The first episode determines the arrays of all episodes.
  void find_fields(const NpzFile& first, int64_t length) {
    for (const std::string& name : observation_names_) {
      const Field& field = schema_.observation.emplace_back(row_field(first, name));
      if (field.dtype != DType::kUInt8 || field.shape.size() != 1) continue;
      refuse_picture_file(fmt::format("{}:{}", first.path(), name), field,
                          first.read(*first.find(name), kMaxArrayBytes));
    }
    schema_.action = row_field(first, "action");
    fields_ = schema_.observation;
    fields_.push_back(schema_.action);
    if (info_names_.empty()) {
      for (const NpzFile::Array& array : first.arrays()) {
        if (array.name != "reward" && array.name != "discount" && array.name != kUnseenEnd &&
            !knows(array.name) && is_column(array, length + 1)) {
          info_names_.push_back(array.name);
        }
      }
    }
    for (const std::string& name : info_names_) {
      if (nq_ && (name == "qpos" || name == "qvel")) {
        schema_.info.push_back(part_of_physics(row_field(first, kPhysics), name));
      } else {
        schema_.info.push_back(row_field(first, name));
        fields_.push_back(schema_.info.back());
      }
    }
    if (nq_) fields_.push_back(row_field(first, kPhysics));
  }

  // Other contents of an episode's file (a task's name, a return) are reported, not read.
  bool is_column(const NpzFile::Array& array, int64_t rows) {
    const std::vector<int64_t>& shape = array.header.shape;
    std::string reason = array.unread;
    if (reason.empty() && shape.empty()) reason = "is a single value";
    // `physics` belongs to the layout, so contents that do not fit there are an error.
    if (reason.empty() && shape[0] != rows && array.name != kPhysics) {
      reason = fmt::format("has {} rows, not one for each of {}", shape[0], rows);
    }
    if (reason.empty()) return true;
    left_out_.push_back(fmt::format("{} is left out: it {}", array.name, reason));
    return false;
  }

  bool knows(const std::string& name) const {
    return std::any_of(fields_.begin(), fields_.end(),
                       [&](const Field& field) { return field.name == name; });
  }

  Field part_of_physics(const Field& physics, const std::string& name) const {
    REVERIE_CHECK(physics.shape.size() == 1 && *nq_ > 0 && *nq_ < physics.shape[0],
                  "{}: metadata.json says nq = {}, which does not divide a physics of shape [{}]",
                  path_, *nq_, fmt::join(physics.shape, ", "));
    Field part{.name = name, .shape = {*nq_}, .dtype = physics.dtype};
    if (name == "qvel") part.shape[0] = physics.shape[0] - *nq_;
    return part;
  }

  // Every array of the schema has T + 1 rows as in the first episode; the discount says once, at
  // the end, whether the episode terminated.
  void check_arrays(const NpzFile& npz, int64_t length) const {
    const auto check_rows = [&](const std::string& name, int64_t rows) {
      const int64_t found = npz.find(name)->header.shape[0];
      REVERIE_CHECK(found == rows,
                    "{}:{}: has {} rows, expected {}, one more than the steps that "
                    "the file's name gives",
                    npz.path(), name, found, rows);
    };
    REVERIE_CHECK(length >= 1 && length < INT64_MAX, "{}: has {} steps, expected at least 1",
                  npz.path(), length);
    for (const Field& field : fields_) {
      const Field found = row_field(npz, field.name);
      REVERIE_CHECK(found.shape == field.shape && found.dtype == field.dtype,
                    "{}:{}: its rows differ in shape or dtype from those of the first episode",
                    npz.path(), field.name);
      check_rows(field.name, length + 1);
    }
    for (const char* name : {"reward", "discount"}) {
      REVERIE_CHECK(row_field(npz, name).numel() == 1, "{}:{}: expected one number a row",
                    npz.path(), name);
      check_rows(name, length + 1);
    }
    const std::vector<double> discount = numbers_of(npz, "discount");
    for (size_t t = 1; t < discount.size(); ++t) {
      REVERIE_CHECK(discount[t] >= 0.0 && discount[t] <= 1.0,
                    "{}:discount: row {} is {}, expected 0 to 1", npz.path(), t, discount[t]);
      REVERIE_CHECK(discount[t] > 0.0 || t + 1 == discount.size(),
                    "{}:discount: row {} is 0, the end of an episode, but {} rows follow",
                    npz.path(), t, discount.size() - t - 1);
    }
  }

  static std::vector<double> numbers_of(const NpzFile& npz, const std::string& name) {
    return numbers(row_field(npz, name), npz.read(*npz.find(name), kMaxNumberBytes));
  }

  void read_info(const NpzFile& npz, EpisodeData& episode) const {
    std::vector<std::byte> physics;
    size_t row_bytes = 0;
    if (nq_) {
      physics = npz.read(*npz.find(kPhysics), kMaxArrayBytes);
      row_bytes = row_field(npz, kPhysics).bytes();
    }
    for (const Field& field : schema_.info) {
      if (!nq_ || (field.name != "qpos" && field.name != "qvel")) {
        episode.info.push_back(npz.read(*npz.find(field.name), kMaxArrayBytes));
        continue;
      }
      std::vector<std::byte>& column = episode.info.emplace_back();
      const size_t first = field.name == "qpos" ? 0 : row_bytes - field.bytes();
      for (size_t row = first; row < physics.size(); row += row_bytes) {
        const auto begin = physics.begin() + static_cast<int64_t>(row);
        column.insert(column.end(), begin, begin + static_cast<int64_t>(field.bytes()));
      }
    }
    trim_info(episode, schema_);
  }

  std::vector<EpisodeFile> files_;
  std::vector<Field> fields_;  // all arrays except reward and discount
  std::vector<std::string> observation_names_ = {"observation"}, info_names_;
  std::optional<int64_t> nq_;  // physics is qpos [nq] and qvel
  std::string bounds_;         // see read_bounds()
};

// ---------------------------------------------------------------------------------------------
// Writing

// The column with a row of zeros prepended.
std::vector<std::byte> after_reset(const Field& field, std::span<const std::byte> rows) {
  std::vector<std::byte> column(field.bytes());
  column.insert(column.end(), rows.begin(), rows.end());
  return column;
}

class ExorlWriter final : public DatasetWriter {
 public:
  ExorlWriter(const std::string& path, const DatasetSchema& schema)
      : DatasetWriter(schema), folder_(path, kBuffer) {
    find_physics();
    write_metadata();
  }

  void append(const EpisodeData& episode) override {
    check(episode);
    const std::optional<EpisodeData> whole = with_final_observation(episode, schema_);
    if (!whole) return;
    std::vector<std::pair<std::string, std::vector<std::byte>>> arrays;
    const auto add = [&](const Field& field, std::span<const std::byte> rows) {
      arrays.emplace_back(field.name, npy_file(field, rows));
    };
    std::vector<float> scratch;
    for (size_t f = 0; f < schema_.observation.size(); ++f) {
      const Field& field = schema_.observation[f];
      add(narrowed(field), narrow(field, whole->observation[f], scratch));
    }
    const Field action = narrowed(schema_.action);
    add(action, after_reset(action, narrow(schema_.action, whole->action, scratch)));
    const Field reward{.name = "reward", .shape = {1}}, discount{.name = "discount", .shape = {1}};
    add(reward, after_reset(reward, std::as_bytes(std::span(whole->reward))));
    std::vector<float> discounts{1.0F};
    for (const uint8_t terminated : whole->terminated)
      discounts.push_back(terminated ? 0.0F : 1.0F);
    add(discount, std::as_bytes(std::span(discounts)));
    const std::vector<std::vector<std::byte>> info = padded_info(*whole, schema_);
    for (size_t f = 0; f < schema_.info.size(); ++f) {
      if (!is_in_physics(f)) add(schema_.info[f], info[f]);
    }
    if (qpos_) add_physics(info, whole->length() + 1, add);
    // Last: ExoRL's loader takes an episode's length from the first array.
    const std::byte mark[] = {std::byte{1}};
    if (!whole->has_final_observation)
      add({.name = kUnseenEnd, .shape = {}, .dtype = DType::kUInt8}, mark);
    write_npz(
        folder_.path() / kBuffer / fmt::format("episode_{:06}_{}.npz", episodes_, whole->length()),
        arrays);
    steps_ += whole->length();
    ++episodes_;
  }

  void commit() override { folder_.commit(); }

 private:
  void find_physics() {
    const auto find = [&](const char* name) -> std::optional<size_t> {
      for (size_t f = 0; f < schema_.info.size(); ++f) {
        const Field& field = schema_.info[f];
        const bool is_float = field.dtype == DType::kFloat32 || field.dtype == DType::kFloat64;
        if (field.name == name && field.shape.size() == 1 && is_float) return f;
      }
      return std::nullopt;
    };
    const std::optional<size_t> qpos = find("qpos"), qvel = find("qvel");
    if (!qpos || !qvel || find(kPhysics)) return;
    qpos_ = qpos;
    qvel_ = qvel;
  }

  bool is_in_physics(size_t info) const { return qpos_ && (info == *qpos_ || info == *qvel_); }

  template <typename Add>
  void add_physics(const std::vector<std::vector<std::byte>>& info, int64_t rows,
                   const Add& add) const {
    const std::vector<double> qpos = numbers(schema_.info[*qpos_], info[*qpos_]);
    const std::vector<double> qvel = numbers(schema_.info[*qvel_], info[*qvel_]);
    const int64_t nq = schema_.info[*qpos_].numel(), nv = schema_.info[*qvel_].numel();
    std::vector<double> physics;
    for (int64_t row = 0; row < rows; ++row) {
      physics.insert(physics.end(), qpos.begin() + row * nq, qpos.begin() + (row + 1) * nq);
      physics.insert(physics.end(), qvel.begin() + row * nv, qvel.begin() + (row + 1) * nv);
    }
    add({.name = kPhysics, .shape = {nq + nv}, .dtype = DType::kFloat64},
        std::as_bytes(std::span(physics)));
  }

  // Written at the start, so that what a killed process leaves can be read.
  void write_metadata() const {
    Json::List observations, infos;
    for (const Field& field : schema_.observation) observations.emplace_back(field.name);
    for (const Field& field : schema_.info) infos.emplace_back(field.name);
    Json metadata = Json::Object{{"observation", observations}, {"info", infos}};
    if (qpos_) metadata.set("nq", schema_.info[*qpos_].numel());
    metadata.set("attributes", schema_.attributes);
    if (const std::string bounds = bounds_text(schema_); !bounds.empty()) {
      metadata.set(kBoundsKey, bounds);
    }
    write_file_atomically(folder_.path() / kMetadata, metadata.dump(2));
  }

  PartialFolder folder_;
  std::optional<size_t> qpos_, qvel_;  // both or none: indices in schema_.info
};

}  // namespace

std::unique_ptr<Dataset> open_exorl(const std::string& path) {
  return std::make_unique<ExorlDataset>(path);
}

std::unique_ptr<DatasetWriter> create_exorl(const std::string& path, const DatasetSchema& schema) {
  return std::make_unique<ExorlWriter>(path, schema);
}

}  // namespace reverie
