#include "runs/run_group.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <system_error>

#include <fmt/format.h>

#include "runs/history.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSeedPrefix = "seed_";

// The seed of a folder name that run_of_group() makes.
std::optional<int64_t> seed_of(const std::string& name) {
  if (!name.starts_with(kSeedPrefix)) return std::nullopt;
  int64_t seed = 0;
  const char* const begin = name.data() + kSeedPrefix.size();
  const auto [end, error] = std::from_chars(begin, name.data() + name.size(), seed);
  const bool is_whole = error == std::errc() && name == fmt::format("{}{}", kSeedPrefix, seed);
  return is_whole ? std::optional(seed) : std::nullopt;
}

}  // namespace

fs::path run_of_group(const fs::path& group, int64_t seed) {
  return group / fmt::format("{}{}", kSeedPrefix, seed);
}

std::vector<std::string> runs_of_group(const fs::path& folder) {
  std::vector<std::pair<int64_t, std::string>> found;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const auto seed = seed_of(entry->path().filename().string());
    std::error_code unreadable;
    if (seed && fs::exists(entry->path() / "config.toml", unreadable)) {
      found.emplace_back(*seed, entry->path().string());
    }
  }
  std::sort(found.begin(), found.end());
  std::vector<std::string> runs;
  for (auto& [seed, run] : found) runs.push_back(std::move(run));
  return runs;
}

std::vector<std::string> with_groups_expanded(const std::vector<std::string>& folders) {
  std::vector<std::string> runs;
  for (const std::string& folder : folders) {
    std::vector<std::string> members = runs_of_group(folder);
    if (members.empty()) members.push_back(folder);
    runs.insert(runs.end(), members.begin(), members.end());
  }
  return runs;
}

std::string record_name(const fs::path& run) {
  std::string name = last_name(run);
  const auto seed = seed_of(name);
  if (!seed) return name;
  const fs::path clean = fs::absolute(run).lexically_normal();
  const fs::path group =
      clean.has_filename() ? clean.parent_path() : clean.parent_path().parent_path();
  return fmt::format("{}-s{}", last_name(group), *seed);
}

}  // namespace reverie
