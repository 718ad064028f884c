#include "agents/training/dataset_split.h"

#include <algorithm>

#include <fmt/ranges.h>

#include "envs/registry.h"

namespace reverie {
namespace {

const Field* find_field(const std::vector<Field>& fields, const std::string& name) {
  for (const Field& field : fields) {
    if (field.name == name) return &field;
  }
  return nullptr;
}

void check_pixels(const Dataset& dataset, const EnvSpec& spec) {
  const Field* found = find_field(dataset.schema().observation, "pixels");
  if (found == nullptr) found = find_field(dataset.schema().info, "pixels");
  REVERIE_CHECK(found != nullptr,
                "{}: holds no pixels; expected a field `pixels` of pictures, as `reverie collect "
                "--observation both` records it",
                dataset.path());
  const Field& wanted = spec.field("pixels");
  REVERIE_CHECK(found->shape == wanted.shape && found->dtype == wanted.dtype,
                "{}: pixels are {} [{}], expected {} [{}] as {} shows them (--image-size)",
                dataset.path(), dtype_name(found->dtype), fmt::join(found->shape, ", "),
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

DatasetIdentity DatasetIdentity::of(const Dataset& dataset) {
  return {.path = dataset.path(),
          .episodes = static_cast<int64_t>(dataset.episodes().size()),
          .steps = dataset.steps()};
}

void DatasetIdentity::save(Checkpoint& checkpoint) const {
  checkpoint.set("dataset.episodes", episodes);
  checkpoint.set("dataset.steps", steps);
}

void DatasetIdentity::check(const Checkpoint& saved) const {
  const int64_t known_episodes = saved.integer("dataset.episodes");
  const int64_t known_steps = saved.integer("dataset.steps");
  REVERIE_CHECK(
      episodes == known_episodes && steps == known_steps,
      "{}: {} steps in {} episodes, the run learnt from {} in {}: others would be held out", path,
      steps, episodes, known_steps, known_episodes);
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
