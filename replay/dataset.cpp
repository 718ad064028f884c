#include "replay/dataset.h"

#include <algorithm>
#include <filesystem>

#include "core/error.h"
#include "replay/formats/d4rl.h"
#include "replay/formats/minari.h"

namespace reverie {
namespace {

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
  if (name == "d4rl") return DatasetFormat::kD4rl;
  if (name == "minari") return DatasetFormat::kMinari;
  fail_unknown_name("dataset format", name, {"d4rl", "minari"});
}

std::string_view dataset_format_name(DatasetFormat format) {
  return format == DatasetFormat::kD4rl ? "d4rl" : "minari";
}

bool DatasetSchema::same_fields(const DatasetSchema& other) const {
  return same_layouts(observation, other.observation) && same_layout(action, other.action) &&
         same_layouts(info, other.info);
}

std::unique_ptr<Dataset> Dataset::open(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return open_minari(path);
  return open_d4rl(path);
}

std::unique_ptr<DatasetWriter> DatasetWriter::create(const std::string& path, DatasetFormat format,
                                                     const DatasetSchema& schema) {
  std::error_code error;
  REVERIE_CHECK(!std::filesystem::exists(std::filesystem::symlink_status(path, error)),
                "{}: is there already; remove it or choose another name", path);
  return format == DatasetFormat::kD4rl ? create_d4rl(path, schema) : create_minari(path, schema);
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
