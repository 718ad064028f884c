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
  uint64_t seed = 0;       // for the choice of episodes and of the teleports' destinations
  std::function<void(int64_t episodes, int64_t all)> on_progress = {};
};

// Measures a world model's surprise at impossible events (violation of expectation): the squared
// error ||z'_t+1 - z_t+1||^2 of its predicted latents around an event, in three versions of the
// same stretches of held-out episodes.
struct SurpriseReport {
  static constexpr std::array<const char*, 3> kVersions = {"reference", "teleport",
                                                           "colour change"};

  StretchShape shape;
  int64_t history = 1;   // frames that the model uses
  int64_t episodes = 0;  // with a measured surprise
  int64_t ended = 0;     // left out: the environment's episode ended after the teleport
  std::string color;     // NAME=VALUE that was changed
  double redrawn = 0.0;  // mean difference of redrawn and recorded first frames [0, 255]
  std::array<std::vector<std::vector<double>>, 3> curves = {};  // [version][step][episode]

  int64_t steps() const { return shape.frames() - history; }  // of the model
  // The step relative to the one that leads to the event.
  int64_t offset(int64_t step) const { return step + history - shape.half; }

  double mean(size_t version, int64_t step) const;  // over the episodes

  // At the step that leads to the event.
  double at_event(size_t version) const;
  // Of a version against the reference, there.
  PairedTest test(size_t version) const;

  // The curves with 95 % bootstrap intervals; the seed is that of the bootstrap.
  Chart chart(uint64_t seed) const;
};

// Films the versions in the simulator and evaluates the run's model on them. Throws Error(kInput)
// as ViolationFilm does, for fewer than two held-out episodes that are long enough, and when fewer
// than two of them continue after the teleport.
SurpriseReport measure_surprise(const WorldModelRun& run, const SurpriseOptions& options);

}  // namespace reverie
