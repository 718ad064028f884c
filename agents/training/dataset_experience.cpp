#include "agents/pch.h"
#include "agents/training/dataset_split.h"
#include "agents/training/experience.h"
#include "agents/training/replay_options.h"
#include "nn/device.h"
#include "replay/dataset_replay.h"

namespace reverie {
namespace {

class DatasetExperience final : public Experience {
 public:
  DatasetExperience(const RunConfig& config, const EnvSpec& spec,
                    const std::function<void(int64_t, int64_t)>& on_progress) {
    const auto [dataset, split] = open_split_pictures(config, spec, config.training.dataset);
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

  const ReplayBuffer& training() const override { return *training_; }
  const ReplayBuffer& held_out() const override { return *held_out_; }
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
