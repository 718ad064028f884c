#include "agents/training/dataset_replay.h"
#include "agents/training/dataset_split.h"
#include "agents/training/experience.h"
#include "nn/device.h"
#include "nn/pch.h"

namespace reverie {
namespace {

class DatasetExperience final : public Experience {
 public:
  DatasetExperience(const RunConfig& config, const ExperienceOptions& training,
                    const EnvSpec& spec) {
    const auto [dataset, split] = open_split_pictures(config, spec, training.data.path);
    const ActionSpace actions = config.env_config->spec().action;
    const auto load = [&, &data = *dataset](const std::vector<int64_t>& episodes) {
      return load_replay(data,
                         {.episodes = episodes, .fields = {"pixels"}, .scale_actions = actions},
                         open_device(config.device), training.replay.buffer_options());
    };
    identity_ = DatasetIdentity::of(*dataset);
    training_ = load(split.training);
    held_out_ = load(split.held_out);
  }

  const ReplayBuffer& training() const override { return *training_; }
  const ReplayBuffer& held_out() const override { return *held_out_; }
  void check_holds(int64_t steps, std::string_view why) const override {
    for (const bool learnt : {true, false}) {
      const int64_t longest = (learnt ? *training_ : *held_out_).longest_episode();
      REVERIE_CHECK(longest >= steps,
                    "{}: the longest {} episode has {} steps, the model needs {} ({})",
                    identity_.path, learnt ? "training" : "held-out", longest, steps, why);
    }
  }
  bool ready() const override { return true; }
  int64_t advance(double& updates) override {
    updates += 1.0;
    return 0;
  }
  at::Tensor actions() const override { return training_->actions(); }

  void state(StateList& list) override { identity_.state(list); }

 private:
  DatasetIdentity identity_;
  std::unique_ptr<ReplayBuffer> training_, held_out_;
};

}  // namespace

std::unique_ptr<Experience> read_experience(const RunConfig& config,
                                            const ExperienceOptions& training,
                                            const EnvSpec& spec) {
  return std::make_unique<DatasetExperience>(config, training, spec);
}

std::unique_ptr<Experience> make_experience(const RunConfig& config,
                                            const ExperienceOptions& options, const EnvSpec& spec,
                                            const TrainingConfig::Say& say) {
  if (options.data.path.empty()) return gather_experience(config, options);
  if (say) say(fmt::format("reading {}", options.data.path));
  return read_experience(config, options, spec);
}

}  // namespace reverie
