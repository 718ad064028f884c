#include "nn/checkpoint.h"

#include <charconv>

#include <nlohmann/json.hpp>

#include "core/file.h"
#include "core/text.h"
#include "nn/safetensors.h"

namespace reverie {
namespace {

constexpr size_t kMaxStateBytes = 64 << 20;

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

const TensorMap& Checkpoint::group(const std::string& name) const {
  const auto found = groups_.find(name);
  if (found == groups_.end()) fail_unknown_name("group of the checkpoint", name, keys_of(groups_));
  return found->second;
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

void Checkpoint::write(const std::filesystem::path& folder) const {
  for (const auto& [name, tensors] : groups_) {
    save_safetensors((folder / (name + ".safetensors")).string(), tensors.entries());
  }
  write_file_atomically(folder / "state.json", nlohmann::json(state_).dump(2) + "\n");
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
  for (const std::string& name : groups) {
    checkpoint.groups_[name] =
        TensorMap(load_safetensors((folder / (name + ".safetensors")).string()).tensors);
  }
  return checkpoint;
}

}  // namespace reverie
