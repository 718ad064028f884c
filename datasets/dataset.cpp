#include "datasets/dataset.h"

#include <algorithm>
#include <filesystem>

#include "core/error.h"
#include "core/file.h"
#include "datasets/formats/d4rl.h"
#include "datasets/formats/exorl.h"
#include "datasets/formats/minari.h"
#include "datasets/formats/stable_worldmodel.h"
#include "datasets/hdf5.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;

struct Layout {
  DatasetFormat format;
  std::string_view name;
  std::unique_ptr<DatasetWriter> (*create)(const std::string& path, const DatasetSchema& schema);
};

constexpr Layout kLayouts[] = {
    {DatasetFormat::kD4rl, "d4rl", &create_d4rl},
    {DatasetFormat::kMinari, "minari", &create_minari},
    {DatasetFormat::kExorl, "exorl", &create_exorl},
    {DatasetFormat::kStableWorldModel, "stable-worldmodel", &create_stable_worldmodel},
};

const Layout& layout_of(DatasetFormat format) {
  return *std::find_if(std::begin(kLayouts), std::end(kLayouts),
                       [&](const Layout& layout) { return layout.format == format; });
}

bool same_layout(const Field& a, const Field& b) {
  return a.name == b.name && a.shape == b.shape && a.dtype == b.dtype;
}

bool same_layouts(const std::vector<Field>& a, const std::vector<Field>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), same_layout);
}

void check_column(const Field& field, const std::vector<std::byte>& column, int64_t rows) {
  const size_t expected = static_cast<size_t>(rows) * field.bytes();
  REVERIE_CHECK(column.size() == expected,
                "dataset: {} bytes of '{}' given, expected {} rows of {}", column.size(),
                field.name, rows, field.bytes());
}

}  // namespace

DatasetFormat parse_dataset_format(std::string_view name) {
  std::vector<std::string> known;
  for (const Layout& layout : kLayouts) {
    if (layout.name == name) return layout.format;
    known.emplace_back(layout.name);
  }
  fail_unknown_name("dataset format", name, known);
}

std::string_view dataset_format_name(DatasetFormat format) { return layout_of(format).name; }

std::string dataset_format_list() {
  std::string text;
  for (const Layout& layout : kLayouts) {
    text += fmt::format("{}{}", text.empty() ? "" : ", ", layout.name);
  }
  return text;
}

bool DatasetSchema::same_fields(const DatasetSchema& other) const {
  return same_layouts(observation, other.observation) && same_layout(action, other.action) &&
         same_layouts(info, other.info);
}

std::optional<DatasetColumn> DatasetSchema::find(std::string_view name) const {
  for (const bool is_info : {false, true}) {
    const std::vector<Field>& fields = is_info ? info : observation;
    const auto found = std::find_if(fields.begin(), fields.end(),
                                    [&](const Field& field) { return field.name == name; });
    if (found == fields.end()) continue;
    return DatasetColumn{&*found, is_info, static_cast<size_t>(found - fields.begin())};
  }
  return std::nullopt;
}

std::vector<std::byte>& DatasetColumn::of(EpisodeData& episode) const {
  return is_info ? episode.info[index] : episode.observation[index];
}

const std::vector<std::byte>& DatasetColumn::of(const EpisodeData& episode) const {
  return is_info ? episode.info[index] : episode.observation[index];
}

bool DatasetColumn::has_final_row(const EpisodeData& episode) const {
  return is_info ? episode.has_final_info : episode.has_final_observation;
}

std::unique_ptr<Dataset> Dataset::open(const std::string& path) {
  std::error_code error;
  if (fs::is_directory(path, error)) {
    return fs::exists(fs::path(path) / "data", error) ? open_minari(path) : open_exorl(path);
  }
  Hdf5File file = Hdf5File::open_read(path);
  return holds_stable_worldmodel(file) ? open_stable_worldmodel(std::move(file))
                                       : open_d4rl(std::move(file));
}

std::unique_ptr<DatasetWriter> DatasetWriter::create(const std::string& given, DatasetFormat format,
                                                     const DatasetSchema& schema) {
  const std::string path = without_trailing_slashes(given).string();
  std::error_code error;
  REVERIE_CHECK(!fs::exists(fs::symlink_status(path, error)),
                "{}: already exists; remove it or choose another name", path);
  return layout_of(format).create(path, schema);
}

void DatasetWriter::check(const EpisodeData& episode) const {
  const int64_t length = episode.length();
  REVERIE_CHECK(length > 0, "dataset: an episode without steps given");
  REVERIE_CHECK(episode.observation.size() == schema_.observation.size() &&
                    episode.info.size() == schema_.info.size() &&
                    episode.terminated.size() == episode.reward.size() &&
                    episode.truncated.size() == episode.reward.size(),
                "dataset: the episode's columns are not those of the schema");
  for (size_t i = 0; i < schema_.observation.size(); ++i) {
    check_column(schema_.observation[i], episode.observation[i],
                 length + (episode.has_final_observation ? 1 : 0));
  }
  for (size_t i = 0; i < schema_.info.size(); ++i) {
    check_column(schema_.info[i], episode.info[i], length + (episode.has_final_info ? 1 : 0));
  }
  check_column(schema_.action, episode.action, length);
}

}  // namespace reverie
