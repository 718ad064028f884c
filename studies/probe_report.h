#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <ATen/core/TensorBody.h>

#include "core/spec.h"
#include "drawing/chart.h"
#include "runs/world_model_run.h"
#include "studies/frame_sample.h"

namespace reverie {

struct ProbeOptions {
  int64_t samples = 20000;  // training frames at most, >= 2; others are sampled in proportion
  uint64_t seed = 0;        // the same seed gives the same numbers on the CPU
  std::function<void(int64_t frames, int64_t all)> on_progress = {};

  // Frames for the MLP's early stopping, from training episodes that no probe is fitted to, and
  // frames of held-out episodes for scoring the probes.
  int64_t validation_samples() const;
  int64_t held_out_samples() const;
};

// How well a linear probe and an MLP predict one number of the simulator's state from the latents
// (studies/probe.h). For means over a part of the state, `number` has only its name.
struct ProbeFinding {
  StateNumber number;
  double linear_mse = 0.0, linear_r = 0.0, mlp_mse = 0.0, mlp_r = 0.0;
};

// The results of a world model's probes. N held-out frames, K numbers.
struct ProbeReport {
  struct Counts {
    int64_t frames = 0, episodes = 0;
  };
  Counts training, validation, held_out;
  std::vector<ProbeFinding> findings;  // [K]
  at::Tensor truth, linear, mlp;       // [N, K] float64, in the numbers' units; undefined for K = 0
  std::vector<std::string> left_out;   // "goal[0]: constant": numbers without a probe, and why
  int64_t latent_size = 0;
  Metrics latents = {};  // FrameSample::statistics() of the held-out frames

  // Means over the numbers of each part of the state, in the order of the parts. Undefined
  // correlations are left out; NaN if all are undefined.
  std::vector<ProbeFinding> means() const;

  // Charts of predicted against true values for the first numbers, at most `most`.
  std::vector<Chart> charts(size_t most) const;
};

// Fits probes to frames of a run's training episodes and scores them on frames of the held-out
// ones. Throws Error(kInput) when the dataset holds no state, for fewer than two training episodes,
// and as sample_frames() does.
ProbeReport probe_world_model(const WorldModelRun& run, const ProbeOptions& options);

}  // namespace reverie
