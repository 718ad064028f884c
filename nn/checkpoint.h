#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "nn/tensor_map.h"
#include "nn/tensor_reader.h"

namespace reverie {

// What a run saves: groups of named tensors, one safetensors file each ("model", "optimizer",
// "replay", ...), and named texts (counters, generator states) in state.json. It is made from a
// StateList (nn/state_list.h).
class Checkpoint {
 public:
  // The version of the checkpoint layout, in state.json as "format". 2: actions are stored in [-1,
  // 1]; 3: state.json lists the groups.
  static constexpr int64_t kFormat = 3;

  Checkpoint() = default;
  Checkpoint(Checkpoint&&) noexcept;
  Checkpoint& operator=(Checkpoint&&) noexcept;
  ~Checkpoint();

  // The group of that name, created empty if it is new. Its tensors are handles: write() writes the
  // values they have at that time.
  TensorMap& group(const std::string& name) { return groups_[name]; }

  bool has_group(const std::string& name) const;

  // Whether it was opened for some of its groups only; the others may exist or not.
  bool is_partial() const { return is_partial_; }

  // The tensors of a group, in memory or in the file it was read from. Throws Error that names the
  // existing groups. Valid as long as the checkpoint.
  const TensorReader& reader(const std::string& name) const;

  void set(const std::string& key, std::string value) { state_[key] = std::move(value); }
  void set(const std::string& key, int64_t value) { state_[key] = std::to_string(value); }
  void set(const std::string& key, double value);  // as text that reads back equal

  // Throw Error when the key is missing, or when its value is not an integer or number.
  const std::string& text(const std::string& key) const;
  int64_t integer(const std::string& key) const;
  double number(const std::string& key) const;
  bool has_text(const std::string& key) const { return state_.contains(key); }
  const std::map<std::string, std::string>& texts() const { return state_; }  // all of state.json

  // A copy with its own tensors, in memory. For checkpoints that were not read from a folder.
  Checkpoint clone() const;

  // Writes every group and state.json into an existing folder; the caller (RunDirectory) makes the
  // whole atomic. Throws Error(kRun) when a file cannot be written.
  void write(const std::filesystem::path& folder) const;

  // Opens groups of a folder: all that were written, or only the named ones (evaluation needs only
  // "model"). Tensors are read on demand. Throws Error(kInput) that names the file when one is
  // missing, truncated or hostile, and for a checkpoint of another format.
  static Checkpoint read(const std::filesystem::path& folder);
  static Checkpoint read(const std::filesystem::path& folder,
                         const std::vector<std::string>& groups);

 private:
  static Checkpoint read_state(const std::filesystem::path& folder);
  void open_groups(const std::filesystem::path& folder, const std::vector<std::string>& names);

  std::map<std::string, TensorMap> groups_;
  std::map<std::string, std::string> state_;
  bool is_partial_ = false;
  // Readers of the groups in files, and of those in memory once they are requested.
  mutable std::map<std::string, std::unique_ptr<TensorReader>> readers_;
};

}  // namespace reverie
