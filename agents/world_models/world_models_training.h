#pragma once

#include <memory>

#include "agents/training/trainer.h"

namespace reverie {

// Trains a WorldModelsAgent in stages, each of which begins where the one before has ended, and is
// resumed where it stopped:
//
//   collect     gather_policy plays --learning-starts steps; or nothing, with --dataset
//   vision      --vae-updates of V on pictures drawn from them
//   memory      V encodes all pictures once; --rnn-updates of M on sequences of the codes
//   controller  C evolves for --steps environment steps, by what V sees and M remembers, unless
//               --controller false
//
// The position of a run is the sum of the four. A stage of length 0 is left out: V or M then stay
// as they are, which is untrained, or as --model-from gives them. Checkpoints hold the pictures
// until they are encoded, and the codes from then on. A resumed run may only get a longer last
// stage, since each one builds on those before.
struct WorldModelsTraining : TrainingConfig, ExperienceOptions {
  WorldModelsTraining();

  DriveOptions drive_options;
  int64_t vae_updates = 10000;
  int64_t rnn_updates = 4000;
  bool controller = true;
  TrainingLimits limits;   // of the controller's episodes; those of `gathering` stay empty
  std::string model_from;  // a run whose V and M this one begins with; "" = random weights

  void describe(ConfigFields& fields) override;
  const DriveOptions& drive() const override { return drive_options; }
  const DatasetOptions* dataset() const override { return &data; }
  DatasetOptions* dataset() override { return &data; }
  bool can_resume() const override { return replay.save_replay || !data.path.empty(); }
  int64_t length(const RunConfig& config) const override;
  int64_t controller_length(const RunConfig& config) const;
  int64_t collect_length() const { return data.path.empty() ? gathering.learning_starts : 0; }

  std::unique_ptr<Trainer> make(const RunConfig& config, const Say& say) const override;
};

}  // namespace reverie
