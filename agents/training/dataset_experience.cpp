#include <fmt/ranges.h>

#include "agents/pch.h"
#include "agents/training/dataset_split.h"
#include "agents/training/experience.h"
#include "agents/training/replay_options.h"
#include "nn/device.h"
#include "replay/dataset_replay.h"

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

class DatasetExperience final : public Experience {
 public:
  DatasetExperience(const RunConfig& config, const EnvSpec& spec,
                    const std::function<void(int64_t, int64_t)>& on_progress) {
    const auto [dataset, split] = open_split_dataset(config, config.training.dataset);
    check_pixels(*dataset, spec);
    check_actions(*dataset, spec);
    int64_t before = 0;
    const auto load = [&, &data = *dataset](const std::vector<int64_t>& episodes) {
      int64_t read = 0;
      auto replay = load_replay(data, {.episodes = episodes, .fields = {"pixels"}},
                                open_device(config.device), replay_options(config.training),
                                [&](int64_t steps) {
                                  read = steps;
                                  if (on_progress) on_progress(before + read, data.steps());
                                });
      before += read;
      return replay;
    };
    training_ = load(split.training);
    held_out_ = load(split.held_out);
  }

  const SampleSource& training() const override { return *training_; }
  const SampleSource& held_out() const override { return *held_out_; }
  bool ready() const override { return true; }
  int64_t advance(double& updates) override {
    updates += 1.0;
    return 1;
  }
  at::Tensor actions() const override { return training_->actions(); }
  void save(Checkpoint& /*checkpoint*/) const override {}
  void load(const Checkpoint& /*saved*/) override {}

 private:
  std::unique_ptr<ReplayBuffer> training_, held_out_;
};

}  // namespace

std::unique_ptr<Experience> read_experience(
    const RunConfig& config, const EnvSpec& spec,
    const std::function<void(int64_t, int64_t)>& on_progress) {
  return std::make_unique<DatasetExperience>(config, spec, on_progress);
}

}  // namespace reverie
