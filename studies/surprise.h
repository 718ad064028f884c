#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/statistics.h"
#include "drawing/chart.h"
#include "runs/world_model_run.h"
#include "studies/violation.h"

namespace reverie {

struct SurpriseOptions {
  int64_t episodes = 100;  // held-out ones at most, >= 2
  std::string color = {};  // what changes, see ViolationFilm
  uint64_t seed = 0;       // of the choice of episodes and of where bodies are teleported to
  std::function<void(int64_t episodes, int64_t all)> on_progress = {};
};

// How surprised a world model is by what cannot be (violation of expectation): the squared error
// ||z'_t+1 - z_t+1||^2 of its predicted latents around an event, in three versions of the same
// stretches of held-out episodes.
struct SurpriseReport {
  static constexpr std::array<const char*, 3> kVersions = {"reference", "teleport",
                                                           "colour change"};

  StretchShape shape;
  int64_t history = 1;   // frames that the model looks back at
  int64_t episodes = 0;  // of which there is a surprise
  int64_t ended = 0;     // left out: the environment's episode ended after the teleport
  std::string color;     // NAME=VALUE that was changed
  double redrawn = 0.0;  // mean difference of first frames and the recorded ones [0, 255]
  std::array<std::vector<std::vector<double>>, 3> curves = {};  // [version][step][episode]

  int64_t steps() const { return shape.frames() - history; }  // of the model
  // Of a step relative to the one that leads to the event.
  int64_t offset(int64_t step) const { return step + history - shape.half; }

  double mean(size_t version, int64_t step) const;  // over the episodes

  // At the step that leads to the event.
  double at_event(size_t version) const;
  // Of a version against the reference, there.
  PairedTest test(size_t version) const;

  // The curves with 95 % bootstrap intervals from that seed.
  Chart chart(uint64_t seed) const;
};

// Films the versions in the simulator and asks the run's model. Throws Error(kInput) as
// ViolationFilm does, for less than two held-out episodes that are long enough, and where less than
// two of them go on after the teleport.
SurpriseReport measure_surprise(const WorldModelRun& run, const SurpriseOptions& options);

}  // namespace reverie
