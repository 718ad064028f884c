#pragma once

#include <memory>
#include <string>

#include "agents/training/trainer.h"

namespace reverie {

// Trains a WorldModelAgent on sequences of a dataset (counts updates, --updates), or on experience
// that a policy gathers during training (counts environment steps, --steps):
//
//   repeat:  gather a step of each environment (or nothing);  update on the sequences that it
//   earned
//
// The log holds every loss term and the gradient's norm, the same losses and latent statistics on
// held-out episodes ("held_out/effective_rank", ...), and the share of time spent waiting for
// batches ("time/waiting_share"), from the first update on. Every picture_every steps a picture of
// nearest neighbours is written to videos/neighbours_step_XXXXXXXXX.png. A second stage trains a
// decoder of the latents and writes it to decoder.safetensors, and its pictures to
// videos/decoder.png. Neither affects learning or the state of any generator.
struct WorldModelTraining : TrainingConfig, ExperienceOptions {
  WorldModelTraining();

  DriveOptions drive_options;
  int64_t decoder_updates = 1500;

  static constexpr int64_t kDefaultUpdates = 100000;

  void describe(ConfigFields& fields) override;
  const DriveOptions& drive() const override { return drive_options; }
  const DatasetOptions* dataset() const override { return &data; }
  DatasetOptions* dataset() override { return &data; }
  bool can_resume() const override { return replay.save_replay || !data.path.empty(); }
  // Steps or updates of the model, then updates of the decoder.
  int64_t length(const RunConfig& config) const override;
  int64_t model_length(const RunConfig& config) const;
  // decoder_updates, but no more than the model has; 0 if the decoder cannot draw the pictures.
  int64_t decoder_length(const RunConfig& config) const;

  std::unique_ptr<Trainer> make(const RunConfig& config, const Say& say) const override;
};

}  // namespace reverie
