#include "agents/training/dataset_split.h"

#include <algorithm>

#include <fmt/ranges.h>

#include "core/text.h"
#include "datasets/dataset_fingerprint.h"
#include "envs/registry.h"

namespace reverie {
namespace {

void check_pixels(const Dataset& dataset, const EnvSpec& spec) {
  const std::optional<DatasetColumn> column = dataset.schema().find("pixels");
  REVERIE_CHECK(column,
                "{}: holds no pixels; expected a field `pixels` of pictures, as `reverie collect "
                "--observation both` records it",
                dataset.path());
  const Field& found = *column->field;
  const Field& wanted = spec.field("pixels");
  REVERIE_CHECK(found.shape == wanted.shape && found.dtype == wanted.dtype,
                "{}: pixels are {} [{}], expected {} [{}] as {} shows them (--image-size)",
                dataset.path(), dtype_name(found.dtype), fmt::join(found.shape, ", "),
                dtype_name(wanted.dtype), fmt::join(wanted.shape, ", "), spec.id);
}

void check_actions(const Dataset& dataset, const EnvSpec& spec) {
  const Field& found = dataset.schema().action;
  const Field wanted = action_field(spec.action);
  const auto is_float = [](const Field& field) {
    return field.dtype == DType::kFloat32 || field.dtype == DType::kFloat64;
  };
  REVERIE_CHECK(found.shape == wanted.shape && is_float(found) == is_float(wanted),
                "{}: actions are {} [{}], expected {} [{}] as {} takes them", dataset.path(),
                dtype_name(found.dtype), fmt::join(found.shape, ", "), dtype_name(wanted.dtype),
                fmt::join(wanted.shape, ", "), spec.id);
}

// Elsewhere states and pictures mean something else. Published datasets name environments that are
// not ours; of them nothing is known.
void check_environment(const Dataset& dataset, const std::string& env) {
  const auto& attributes = dataset.schema().attributes;
  const auto found = attributes.find("env");
  if (found == attributes.end() || found->second == env) return;
  const std::vector<EnvEntry>& all = env_registry();
  const bool is_ours = std::any_of(
      all.begin(), all.end(), [&](const EnvEntry& entry) { return entry.id == found->second; });
  REVERIE_CHECK(!is_ours, "{}: was recorded in {}, expected {}", dataset.path(), found->second,
                env);
}

}  // namespace

DatasetIdentity DatasetIdentity::of(Dataset& dataset) {
  return {.path = dataset.path(),
          .content = fmt::format("{} steps in {} episodes, fingerprint {:016x}", dataset.steps(),
                                 dataset.episodes().size(), dataset_fingerprint(dataset))};
}

void DatasetIdentity::save(Checkpoint& checkpoint) const {
  checkpoint.set("dataset.content", content);
}

void DatasetIdentity::check(const Checkpoint& saved) const {
  const std::string& known = saved.text("dataset.content");
  REVERIE_CHECK(content == known,
                "{}: is not the dataset that the run learnt from ({}, expected {}); other episodes "
                "would be held out",
                path, content, printable(known));
}

DatasetSplit open_split_dataset(const RunConfig& config, const std::string& env,
                                const std::string& path) {
  DatasetSplit split{.dataset = Dataset::open(path), .episodes = {}};
  check_environment(*split.dataset, env);
  split.episodes = split_episodes(static_cast<int64_t>(split.dataset->episodes().size()),
                                  config.training.held_out, config.seed_for("held-out episodes"));
  return split;
}

DatasetSplit open_split_pictures(const RunConfig& config, const EnvSpec& spec,
                                 const std::string& path) {
  DatasetSplit split = open_split_dataset(config, spec.id, path);
  check_pixels(*split.dataset, spec);
  check_actions(*split.dataset, spec);
  return split;
}

}  // namespace reverie
