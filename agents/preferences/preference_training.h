#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "agents/preferences/reward_model.h"
#include "agents/training/training_config.h"
#include "core/random.h"

namespace reverie {

// Learning a reward model from preferences between segments of a dataset. Nobody is asked: judges
// prefer the segment whose rewards sum to more.
struct PreferenceOptions {
  int64_t pairs = 1000;   // that are compared, >= 2
  int64_t segment = 25;   // steps of each segment, >= 1
  double held_out = 0.2;  // share of the pairs that is not learnt from, (0, 1)
  // Judges err: they prefer the second segment with probability sigmoid((R2 - R1) / doubt); 0:
  // always the greater sum, and either one with equal chances when both are the same.
  double doubt = 0.0;
  // Datasets of the same steps with other rewards (`reverie dataset relabel --reward R`): further
  // groups of judges. Each pair is judged by one group, all with equal chances.
  std::vector<std::string> judges = {};

  void describe(ConfigFields& fields);
};

struct PreferenceTraining : TrainingConfig {
  PreferenceTraining();

  DriveOptions drive_options;
  DatasetOptions data;
  PreferenceOptions preferences;

  void describe(ConfigFields& fields) override;
  const DriveOptions& drive() const override { return drive_options; }
  const DatasetOptions* dataset() const override { return &data; }
  DatasetOptions* dataset() override { return &data; }
  bool can_resume() const override { return true; }
  int64_t length(const RunConfig& config) const override;

  // Throws Error(kInput) without a dataset, as load_transitions() does, for segments longer than
  // every episode, and for a judge's dataset with other steps.
  std::unique_ptr<Trainer> make(const RunConfig& config, const Say& say) const override;
};

// The preferences of judges. returns: [J, P, 2], the sums of rewards of both segments by each
// group's rewards. Returns [P] float32, as Preferences::preference.
at::Tensor judged(const at::Tensor& returns, double doubt, Rng& rng);

}  // namespace reverie
