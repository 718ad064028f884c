#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <ATen/core/TensorBody.h>

#include "core/statistics.h"
#include "drawing/chart.h"

namespace reverie {

struct ExtractionOptions {
  std::string dataset = {};  // "" = that of the first run
  int64_t states = 1000;     // of the dataset, at which actions are compared, >= 1
  uint64_t seed = 0;         // of their choice
};

// The runs of one way to make a policy: they differ in their seed.
struct ExtractedPolicy {
  std::string name;    // as in legends
  at::Tensor actions;  // [N, A] of the first run at the states, in [-1, 1]
  MeanInterval norm;   // over runs: mean length of an action
  MeanInterval error;  // over runs: mean distance between the policy's and the data's action
  // The last values of runs that logged them (policy/deviation, evaluation/...), by metric.
  std::vector<std::pair<std::string, MeanInterval>> last = {};
};

// What several policies that learnt from one dataset do in the same of its states.
struct ExtractionStudy {
  std::string dataset;
  at::Tensor data;         // [N, A] the data's actions there
  double data_norm = 0.0;  // mean length of these
  std::vector<ExtractedPolicy> policies;
  std::vector<Chart> curves;  // of what all or some of the runs logged, over their updates

  // Scatters of the first two numbers of the actions (their histogram if there is one number), the
  // data's first; then the curves.
  std::vector<Chart> charts() const;
};

// Compares the policies of runs, greedily, at states of a dataset. Runs that differ in their seed
// alone are one policy. Throws Error(kInput) as load_policy() and load_transitions() do, for
// discrete actions, for runs of different environments, and without a dataset.
ExtractionStudy study_extraction(const std::vector<std::string>& runs,
                                 const ExtractionOptions& options);

}  // namespace reverie
