#include "nn/checkpoint.h"

#include <algorithm>
#include <charconv>

#include <nlohmann/json.hpp>

#include "core/file.h"
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
    : groups_(std::move(other.groups_)), state_(std::move(other.state_)) {
  // Readers of groups in memory point into the map that has just moved.
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
  for (const auto& [name, tensors] : groups_) {
    save_safetensors((folder / (name + kEnding)).string(), tensors.entries());
  }
  std::map<std::string, std::string> state = state_;
  state["format"] = std::to_string(kFormat);
  write_file_atomically(folder / "state.json", nlohmann::json(state).dump(2) + "\n");
}

Checkpoint Checkpoint::read(const std::filesystem::path& folder) {
  std::vector<std::string> groups;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() == kEnding) groups.push_back(entry.path().stem().string());
  }
  std::sort(groups.begin(), groups.end());
  return read(folder, groups);
}

Checkpoint Checkpoint::read(const std::filesystem::path& folder,
                            const std::vector<std::string>& groups) {
  Checkpoint checkpoint;
  const std::filesystem::path state_file = folder / "state.json";
  const std::string text = read_file(state_file, kMaxStateBytes);
  try {
    checkpoint.state_ = nlohmann::json::parse(text).get<std::map<std::string, std::string>>();
  } catch (const nlohmann::json::exception& error) {
    fail_input("{}: {}; expected one object of texts", state_file.string(),
               printable(error.what()));
  }
  const std::string format = checkpoint.has_text("format") ? checkpoint.text("format") : "1";
  REVERIE_CHECK(format == std::to_string(kFormat),
                "{}: a checkpoint of format {}, this version of Reverie reads format {}: train the "
                "run again",
                state_file.string(), printable(format), kFormat);
  for (const std::string& name : groups) {
    checkpoint.readers_[name] =
        std::make_unique<SafetensorsReader>((folder / (name + kEnding)).string());
  }
  return checkpoint;
}

}  // namespace reverie
