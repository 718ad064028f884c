#include "agents/training/dataset_split.h"

#include <fmt/ranges.h>

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

}  // namespace

DatasetSplit open_split_dataset(const RunConfig& config, const std::string& path) {
  DatasetSplit split{.dataset = Dataset::open(path), .episodes = {}};
  split.episodes = split_episodes(static_cast<int64_t>(split.dataset->episodes().size()),
                                  config.training.held_out, config.seed_for("held-out episodes"));
  return split;
}

DatasetSplit open_split_pictures(const RunConfig& config, const EnvSpec& spec,
                                 const std::string& path) {
  DatasetSplit split = open_split_dataset(config, path);
  check_pixels(*split.dataset, spec);
  check_actions(*split.dataset, spec);
  return split;
}

}  // namespace reverie
