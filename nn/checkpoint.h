#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "nn/tensor_map.h"

namespace reverie {

// What a run saves: groups of named tensors, one safetensors file each ("model", "optimizer",
// "replay", ...), and named texts (counters, generator states) in state.json.
//
// Reading takes only the groups asked for: evaluation needs "model" alone.
class Checkpoint {
 public:
  // The group of that name, made empty when it is new.
  TensorMap& group(const std::string& name) { return groups_[name]; }

  // Throws Error naming the groups there are.
  const TensorMap& group(const std::string& name) const;

  bool has_group(const std::string& name) const { return groups_.contains(name); }

  void set(const std::string& key, std::string value) { state_[key] = std::move(value); }
  void set(const std::string& key, int64_t value) { state_[key] = std::to_string(value); }
  void set(const std::string& key, double value);  // as text that reads back equal

  // Throw Error when the key is missing, or its value is no integer or number.
  const std::string& text(const std::string& key) const;
  int64_t integer(const std::string& key) const;
  double number(const std::string& key) const;

  // Writes every group and state.json into an existing folder; atomicity of the whole is the
  // caller's (RunDirectory). Throws Error(kRun) when a file cannot be written.
  void write(const std::filesystem::path& folder) const;

  // Throws Error(kInput) that names the file for one that is missing, truncated or hostile.
  static Checkpoint read(const std::filesystem::path& folder,
                         const std::vector<std::string>& groups);

 private:
  std::map<std::string, TensorMap> groups_;
  std::map<std::string, std::string> state_;
};

}  // namespace reverie
