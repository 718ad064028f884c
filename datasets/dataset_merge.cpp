#include "datasets/dataset_merge.h"

#include <algorithm>
#include <set>

#include "core/error.h"
#include "core/text.h"

namespace reverie {
namespace {

constexpr size_t kMostJoined = 1000;  // [bytes] of an attribute that is joined

// Attributes whose contradiction makes episodes of one dataset wrong in another.
constexpr const char* kEnv = "env";
constexpr const char* kConfig = "config";
constexpr const char* kRelabelled = "relabelled";
constexpr const char* kDatasetId = "dataset_id";
// Attributes that identify the environment. They are dropped when one dataset lacks them.
constexpr const char* kOfEnvironment[] = {kEnv, "env_source", kConfig, "env_spec"};

const std::string* attribute(const Dataset& dataset, const std::string& key) {
  const auto& attributes = dataset.schema().attributes;
  const auto found = attributes.find(key);
  return found == attributes.end() ? nullptr : &found->second;
}

// The first line in which two texts differ, from each.
std::pair<std::string, std::string> first_difference(const std::string& a, const std::string& b) {
  for (size_t begin = 0;;) {
    const auto line = [&](const std::string& text) {
      return begin >= text.size() ? std::string()
                                  : text.substr(begin, text.find('\n', begin) - begin);
    };
    const std::string of_a = line(a), of_b = line(b);
    if (of_a != of_b || of_a.size() + begin >= std::max(a.size(), b.size())) return {of_a, of_b};
    begin += of_a.size() + 1;
  }
}

bool same_bounds(const Field& a, const Field& b) {
  const bool one_has_none = (a.low.empty() && a.high.empty()) || (b.low.empty() && b.high.empty());
  return one_has_none || (a.low == b.low && a.high == b.high);
}

void check_fields(const Dataset& first, const Dataset& other) {
  const DatasetSchema& a = first.schema();
  const DatasetSchema& b = other.schema();
  REVERIE_CHECK(a.same_fields(b), "{}: its fields are not those of {}; see `reverie dataset info`",
                other.path(), first.path());
  const auto check = [&](const Field& field, const Field& of_other) {
    REVERIE_CHECK(same_bounds(field, of_other),
                  "{}: '{}' has other bounds than in {}, so it is of another environment",
                  other.path(), field.name, first.path());
  };
  check(a.action, b.action);
  for (size_t f = 0; f < a.observation.size(); ++f) check(a.observation[f], b.observation[f]);
}

// Two datasets with known environments must have the same one, with the same options.
void check_environment(const Dataset& first, const Dataset& other) {
  const std::string* a = attribute(first, kEnv);
  const std::string* b = attribute(other, kEnv);
  if (a == nullptr || b == nullptr) return;
  REVERIE_CHECK(*a == *b, "{}: was recorded in {}, but {} in {}", other.path(), printable(*b),
                first.path(), printable(*a));
  const std::string* config = attribute(first, kConfig);
  const std::string* other_config = attribute(other, kConfig);
  if (config == nullptr || other_config == nullptr || *config == *other_config) return;
  const auto [was, is] = first_difference(*config, *other_config);
  fail_input("{}: was recorded with `{}`, but {} with `{}`", other.path(), printable(is),
             first.path(), printable(was));
}

void check_rewards(const Dataset& first, const Dataset& other) {
  const auto text = [](const Dataset& dataset) {
    const std::string* found = attribute(dataset, kRelabelled);
    const std::string* env = attribute(dataset, kEnv);
    const bool is_own = found != nullptr && env != nullptr && *found == "rewards of " + *env;
    return found == nullptr || is_own ? std::string("those of its environment") : printable(*found);
  };
  REVERIE_CHECK(text(first) == text(other), "{}: its rewards are {}, but in {} they are {}",
                other.path(), text(other), first.path(), text(first));
}

// The distinct texts of all datasets joined by " + "; "" when one has none, or when the result
// would be long.
std::string joined(std::span<const std::unique_ptr<Dataset>> datasets, const std::string& key) {
  std::string text;
  std::set<std::string> seen;
  for (const std::unique_ptr<Dataset>& dataset : datasets) {
    const std::string* found = attribute(*dataset, key);
    if (found == nullptr) return "";
    if (seen.insert(*found).second) text += (text.empty() ? "" : " + ") + *found;
  }
  return seen.size() == 1 || text.size() <= kMostJoined ? text : "";
}

}  // namespace

DatasetSchema merged_schema(std::span<const std::unique_ptr<Dataset>> datasets) {
  const Dataset& first = *datasets.front();
  for (size_t i = 1; i < datasets.size(); ++i) {
    for (size_t k = 0; k < i; ++k) check_environment(*datasets[k], *datasets[i]);
    check_fields(first, *datasets[i]);
    check_rewards(first, *datasets[i]);
  }
  DatasetSchema schema = first.schema();
  const bool all_named = std::all_of(datasets.begin(), datasets.end(), [](const auto& dataset) {
    return attribute(*dataset, kEnv) != nullptr;
  });
  for (const auto& [key, text] : first.schema().attributes) {
    const bool is_of_environment = std::find(std::begin(kOfEnvironment), std::end(kOfEnvironment),
                                             key) != std::end(kOfEnvironment);
    std::string together = joined(datasets, key);
    // A partial description would be taken for a complete one, and an id belongs to one dataset
    // only.
    const bool differs = together != text;
    if (is_of_environment && (!all_named || differs)) together.clear();
    if (key == kDatasetId && differs) together.clear();
    if (together.empty()) {
      schema.attributes.erase(key);
    } else {
      schema.attributes[key] = together;
    }
  }
  return schema;
}

}  // namespace reverie
