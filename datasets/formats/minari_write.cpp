#include <algorithm>
#include <cctype>
#include <cmath>
#include <filesystem>

#include "core/error.h"
#include "core/file.h"
#include "core/json.h"
#include "datasets/formats/final_rows.h"
#include "datasets/formats/minari.h"
#include "datasets/formats/minari_layout.h"
#include "datasets/formats/partial_folder.h"
#include "datasets/formats/save_schedule.h"
#include "datasets/formats/spaces.h"
#include "datasets/hdf5.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;

using minari::group_of;

constexpr const char* kMinariVersion = "0.5.0";       // the oldest that reads this layout
constexpr size_t kCompressedBytes = size_t{1} << 20;  // smaller columns are stored as they are
constexpr int kGzip = 4;

// The text with '-' for each run of characters not allowed in an id, '/' among them.
std::string as_id_part(std::string_view text) {
  std::string part;
  for (const char c : text) {
    const bool is_allowed = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
    if (is_allowed) {
      part += c;
    } else if (!part.empty() && part.back() != '-') {
      part += '-';
    }
  }
  while (part.ends_with('-')) part.pop_back();
  return part;
}

// "a/b" of "a//b c/": parts of an id with slashes between them.
std::string as_namespace(const std::string& text) {
  std::string space;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find('/', begin), text.size());
    const std::string part = as_id_part(text.substr(begin, end - begin));
    if (!part.empty()) space += (space.empty() ? "" : "/") + part;
    begin = end + 1;
  }
  return space;
}

// Removes the version, "-v3", from the end of the name; "-v0" if it has none.
std::string take_version(std::string& name) {
  size_t digits = name.size();
  while (digits > 0 && std::isdigit(static_cast<unsigned char>(name[digits - 1])) != 0) --digits;
  const bool has_version =
      digits < name.size() && digits >= 2 && std::string_view(name).substr(digits - 2, 2) == "-v";
  if (!has_version) return "-v0";
  const std::string version = name.substr(digits - 2);
  name.resize(digits - 2);
  return version;
}

// For a run's folder the last part of its path; for a mixture, "runs/a:0.5, random:0.5", that of
// each.
std::string policy_name(const std::string& policy) {
  std::string name;
  for (size_t begin = 0; begin <= policy.size();) {
    const size_t end = std::min(policy.find(", ", begin), policy.size());
    const fs::path one = without_trailing_slashes(policy.substr(begin, end - begin));
    name += (name.empty() ? "" : "-") + one.filename().string();
    begin = end + 2;
  }
  return name;
}

class MinariWriter final : public DatasetWriter {
 public:
  MinariWriter(const std::string& path, const DatasetSchema& schema)
      : DatasetWriter(schema), folder_(path, minari::kFolder), file_(create_file(folder_)) {
    save();
  }

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
    if (schedule_.is_due(steps_)) save();
  }

  void commit() override {
    file_.commit();
    write_metadata(/*unfinished=*/false);
    folder_.commit();
  }

 private:
  // The file grows under its own name, because the folder is what is unfinished.
  static Hdf5File create_file(const PartialFolder& folder) {
    const std::string path = (folder.path() / minari::kData).string();
    return Hdf5File::create(path, path);
  }

  void save() {
    file_.save_progress();
    write_metadata(/*unfinished=*/true);
  }

  void write_metadata(bool unfinished) const {
    std::error_code ignored;
    const auto bytes = static_cast<double>(fs::file_size(folder_.path() / minari::kData, ignored));
    Json metadata =
        Json::Object{{"total_episodes", episodes_},
                     {"total_steps", steps_},
                     {"dataset_size", std::round(bytes / 1e5) / 10.0},  // [MB], as Minari rounds it
                     {"data_format", "hdf5"},
                     {minari::kObservationSpace, observation_space_text()},
                     {minari::kActionSpace, space_text(schema_.action)},
                     {minari::kId, minari::dataset_id(schema_.attributes)},
                     {"minari_version", kMinariVersion},
                     {"jpeg_encoding", false},  // otherwise pictures are JPEG from 0.5.4 on
                     {"author", Json::List()},
                     {"author_email", Json::List()}};
    std::map<std::string, std::string> ours = schema_.attributes;
    if (const auto spec = ours.find(minari::kEnvSpec); spec != ours.end()) {
      metadata.set(minari::kEnvSpec, spec->second);
      ours.erase(spec);
    }
    if (!ours.empty()) metadata.set(minari::kOurKey, ours);
    if (unfinished) metadata.set(minari::kUnfinished, true);
    write_file_atomically(folder_.path() / minari::kMetadata, metadata.dump(2));
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
    return is_grouped() ? dict_space_text(schema_.observation) : space_text(schema_.observation[0]);
  }

  PartialFolder folder_;  // destroyed after the file in it
  Hdf5File file_;
  SaveSchedule schedule_;
};

}  // namespace

std::string minari::dataset_id(const std::map<std::string, std::string>& attributes) {
  const auto text = [&](const char* key) {
    const auto found = attributes.find(key);
    return found == attributes.end() ? std::string() : found->second;
  };
  const auto or_else = [](std::string part, const char* otherwise) {
    return part.empty() ? std::string(otherwise) : part;
  };
  std::string space, name = text(kId);
  if (name.empty()) {
    space = or_else(as_id_part(text("env")), "unknown");
    name = policy_name(text("policy"));
  } else if (const size_t slash = name.rfind('/'); slash != std::string::npos) {
    space = as_namespace(name.substr(0, slash));
    name = name.substr(slash + 1);
  }
  name = as_id_part(name);
  const std::string version = take_version(name);
  name = or_else(as_id_part(name), "data");
  // A namespace has two characters or more.
  if (space.size() == 1) space += "_";
  return fmt::format("{}{}{}{}", space, space.empty() ? "" : "/", name, version);
}

std::unique_ptr<DatasetWriter> create_minari(const std::string& path, const DatasetSchema& schema) {
  return std::make_unique<MinariWriter>(path, schema);
}

}  // namespace reverie
