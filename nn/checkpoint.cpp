#include "nn/checkpoint.h"

#include <algorithm>
#include <charconv>
#include <sstream>

#include <fmt/ranges.h>

#include "core/file.h"
#include "core/json.h"
#include "core/text.h"
#include "nn/safetensors.h"

namespace reverie {
namespace {

constexpr size_t kMaxStateBytes = 64 << 20;
constexpr const char* kEnding = ".safetensors";

template <typename Map>
std::vector<std::string> keys_of(const Map& map) {
  std::vector<std::string> keys;
  for (const auto& entry : map) keys.push_back(entry.first);
  return keys;
}

template <typename T>
T parse_number(const std::string& key, const std::string& text, const char* expected) {
  T number{};
  const char* end = text.data() + text.size();
  const auto [stop, status] = std::from_chars(text.data(), end, number);
  REVERIE_CHECK(status == std::errc() && stop == end, "state.json: '{}' is '{}', expected {}", key,
                printable(text), expected);
  return number;
}

}  // namespace

Checkpoint::Checkpoint(Checkpoint&& other) noexcept
    : groups_(std::move(other.groups_)),
      state_(std::move(other.state_)),
      is_partial_(other.is_partial_) {
  // Readers of groups in memory point into the map that was just moved.
  for (auto& [name, reader] : other.readers_) {
    if (!groups_.contains(name)) readers_[name] = std::move(reader);
  }
  other.readers_.clear();
}

Checkpoint& Checkpoint::operator=(Checkpoint&& other) noexcept {
  if (this == &other) return *this;
  Checkpoint moved(std::move(other));
  std::swap(groups_, moved.groups_);
  std::swap(state_, moved.state_);
  std::swap(readers_, moved.readers_);
  is_partial_ = moved.is_partial_;
  return *this;
}

Checkpoint::~Checkpoint() = default;

bool Checkpoint::has_group(const std::string& name) const {
  return groups_.contains(name) || readers_.contains(name);
}

const TensorReader& Checkpoint::reader(const std::string& name) const {
  if (const auto found = readers_.find(name); found != readers_.end()) return *found->second;
  const auto found = groups_.find(name);
  if (found == groups_.end()) {
    std::vector<std::string> known = keys_of(groups_);
    for (const std::string& file : keys_of(readers_)) known.push_back(file);
    fail_unknown_name("group of the checkpoint", name, known);
  }
  return *(readers_[name] = std::make_unique<MapReader>(found->second));
}

const std::string& Checkpoint::text(const std::string& key) const {
  const auto found = state_.find(key);
  if (found == state_.end()) fail_unknown_name("key of state.json", key, keys_of(state_));
  return found->second;
}

void Checkpoint::set(const std::string& key, double value) {
  state_[key] = fmt::format("{}", value);
}

int64_t Checkpoint::integer(const std::string& key) const {
  return parse_number<int64_t>(key, text(key), "an integer");
}

double Checkpoint::number(const std::string& key) const {
  return parse_number<double>(key, text(key), "a number");
}

Checkpoint Checkpoint::clone() const {
  Checkpoint copy;
  copy.state_ = state_;
  for (const auto& [name, tensors] : groups_) {
    TensorMap& group = copy.groups_[name];
    for (const auto& [key, tensor] : tensors) group.add(key, tensor.detach().clone());
  }
  return copy;
}

void Checkpoint::write(const std::filesystem::path& folder) const {
  std::map<std::string, std::string> state = state_;
  const auto set_own = [&](const std::string& key, std::string value) {
    REVERIE_CHECK(!state.contains(key), "a checkpoint's own key '{}' is set by what it holds", key);
    state[key] = std::move(value);
  };
  set_own("format", std::to_string(kFormat));
  set_own("groups", fmt::format("{}", fmt::join(keys_of(groups_), ",")));
  for (const auto& [name, tensors] : groups_) {
    save_safetensors((folder / (name + kEnding)).string(), tensors.entries());
  }
  write_file_atomically(folder / "state.json", Json(state).dump(2) + "\n");
}

Checkpoint Checkpoint::read(const std::filesystem::path& folder) {
  Checkpoint checkpoint = read_state(folder);
  std::vector<std::string> names;
  std::stringstream list(checkpoint.text("groups"));
  for (std::string name; std::getline(list, name, ',');) names.push_back(name);
  checkpoint.open_groups(folder, names);
  return checkpoint;
}

Checkpoint Checkpoint::read(const std::filesystem::path& folder,
                            const std::vector<std::string>& groups) {
  Checkpoint checkpoint = read_state(folder);
  checkpoint.is_partial_ = true;
  checkpoint.open_groups(folder, groups);
  return checkpoint;
}

Checkpoint Checkpoint::read_state(const std::filesystem::path& folder) {
  Checkpoint checkpoint;
  const std::filesystem::path state_file = folder / "state.json";
  const std::string text = read_file(state_file, kMaxStateBytes);
  const Json saved = Json::parse(text, state_file.string());
  REVERIE_CHECK(saved.object(), "{}: expected one object of texts", state_file.string());
  for (const auto& [key, value] : *saved.object()) {
    REVERIE_CHECK(value.text(), "{}: '{}' is not a text", state_file.string(), printable(key));
    checkpoint.state_[key] = *value.text();
  }
  const std::string format = checkpoint.has_text("format") ? checkpoint.text("format") : "1";
  REVERIE_CHECK(format == std::to_string(kFormat),
                "{}: a checkpoint of format {}, this version of Reverie reads format {}: train the "
                "run again",
                state_file.string(), printable(format), kFormat);
  return checkpoint;
}

void Checkpoint::open_groups(const std::filesystem::path& folder,
                             const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    // The name comes from a file, so it must not lead out of the folder.
    REVERIE_CHECK(!name.empty() && name.find('/') == std::string::npos && name[0] != '.',
                  "{}: lists a group '{}', expected a name", (folder / "state.json").string(),
                  printable(name));
    readers_[name] = std::make_unique<SafetensorsReader>((folder / (name + kEnding)).string());
  }
}

}  // namespace reverie
