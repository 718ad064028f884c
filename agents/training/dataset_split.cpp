#include "agents/training/dataset_split.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/ranges.h>

#include "agents/training/training_config.h"
#include "core/text.h"
#include "datasets/dataset_fingerprint.h"
#include "envs/registry.h"

namespace reverie {
namespace {

std::string field_names(const std::vector<Field>& fields) {
  std::vector<std::string> names;
  for (const Field& field : fields) names.push_back(field.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

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

bool is_real(const Field& field) {
  return field.dtype == DType::kFloat32 || field.dtype == DType::kFloat64;
}

void check_observation(const Dataset& dataset, const EnvSpec& spec) {
  for (const Field& wanted : spec.observation) {
    const std::vector<Field>& fields = dataset.schema().observation;
    const auto found = std::find_if(fields.begin(), fields.end(),
                                    [&](const Field& field) { return field.name == wanted.name; });
    REVERIE_CHECK(found != fields.end(), "{}: holds no observation field '{}' of {}; has {}",
                  dataset.path(), wanted.name, spec.id, field_names(dataset.schema().observation));
    REVERIE_CHECK(found->shape == wanted.shape &&
                      (found->dtype == wanted.dtype || (is_real(*found) && is_real(wanted))),
                  "{}: '{}' is {} [{}], expected {} [{}] as {} shows it", dataset.path(),
                  wanted.name, dtype_name(found->dtype), fmt::join(found->shape, ", "),
                  dtype_name(wanted.dtype), fmt::join(wanted.shape, ", "), spec.id);
  }
}

void check_actions(const Dataset& dataset, const EnvSpec& spec) {
  const Field& found = dataset.schema().action;
  const Field wanted = action_field(spec.action);
  REVERIE_CHECK(found.shape == wanted.shape && is_real(found) == is_real(wanted),
                "{}: actions are {} [{}], expected {} [{}] as {} takes them", dataset.path(),
                dtype_name(found.dtype), fmt::join(found.shape, ", "), dtype_name(wanted.dtype),
                fmt::join(wanted.shape, ", "), spec.id);
}

// In other environments states and pictures have another meaning. Published datasets name
// environments that Reverie does not have; nothing is known about those.
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

void DatasetIdentity::state(StateList& list) {
  list.add_text(
      "dataset.content", [this] { return content; },
      [this](const std::string& known) { check(known); });
}

void DatasetIdentity::check(const std::string& known) const {
  REVERIE_CHECK(content == known,
                "{}: is not the dataset that the run learnt from ({}, expected {}); other "
                "episodes would be held out",
                path, content, printable(known));
}

std::unique_ptr<Dataset> open_dataset_for(const EnvSpec& spec, const std::string& path) {
  std::unique_ptr<Dataset> dataset = Dataset::open(path);
  check_environment(*dataset, spec.id);
  check_observation(*dataset, spec);
  check_actions(*dataset, spec);
  return dataset;
}

std::vector<int64_t> best_episodes(Dataset& dataset, double share) {
  const auto count = static_cast<int64_t>(dataset.episodes().size());
  std::vector<double> returns;
  for (int64_t i = 0; i < count; ++i) {
    const EpisodeData episode = dataset.read_steps(i);
    returns.push_back(std::accumulate(episode.reward.begin(), episode.reward.end(), 0.0));
    REVERIE_CHECK(std::isfinite(returns.back()),
                  "{}: episode {} returns {}; --best-episodes expects finite rewards",
                  dataset.path(), i, returns.back());
  }
  std::vector<int64_t> order(returns.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return returns[static_cast<size_t>(a)] > returns[static_cast<size_t>(b)];
  });
  const double wanted = std::ceil(share * static_cast<double>(count) - 1e-9);
  order.resize(std::min(order.size(), static_cast<size_t>(std::max(wanted, 1.0))));
  std::sort(order.begin(), order.end());
  return order;
}

std::unique_ptr<ReplayBuffer> load_transitions(Dataset& dataset, double share,
                                               const RunConfig& config, const EnvSpec& spec,
                                               at::Device device, const ReplayOptions& options) {
  DatasetSelection selection{.scale_actions = config.env_config->spec().action};
  if (share < 1.0) selection.episodes = best_episodes(dataset, share);
  for (const Field& field : spec.observation) selection.fields.push_back(field.name);
  return load_replay(dataset, selection, device, options);
}

DatasetSplit open_split_dataset(const RunConfig& config, const std::string& env,
                                const std::string& path, const std::string& known) {
  DatasetSplit split{.dataset = Dataset::open(path), .episodes = {}};
  if (!known.empty()) DatasetIdentity::of(*split.dataset).check(known);
  check_environment(*split.dataset, env);
  split.episodes =
      split_episodes(static_cast<int64_t>(split.dataset->episodes().size()),
                     config.training->dataset()->held_out, config.seed_for("held-out episodes"));
  return split;
}

DatasetSplit open_split_pictures(const RunConfig& config, const EnvSpec& spec,
                                 const std::string& path, const std::string& known) {
  DatasetSplit split = open_split_dataset(config, spec.id, path, known);
  check_pixels(*split.dataset, spec);
  check_actions(*split.dataset, spec);
  return split;
}

}  // namespace reverie
