#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "datasets/dataset.h"

namespace reverie {

// The rule that a maze's rewards follow, for the check of which observation they were computed on.
struct GoalReward {
  std::array<double, 2> goal;  // [m], as the first two numbers of "observation"
  double radius = 0.0;         // [m] 1 within it, else 0
  bool dense = false;          // exp(-distance) instead
};

// One thing found in a dataset. A fault makes learning from it wrong; the rest is good to know.
struct DatasetFinding {
  bool is_fault = false;
  std::string text;
};

// Looks for what is known to be wrong in published datasets: values that are not finite; a reset
// inside an episode, which shows as a jump of the observation (terminals or timeouts missing or out
// of step, as in D4RL's antmaze-v0); no mark of an end at all; rewards that follow neither the
// observation before nor that after the action. Reads everything once or twice. An empty result is
// a clean dataset.
std::vector<DatasetFinding> check_dataset(Dataset& dataset,
                                          const std::optional<GoalReward>& reward);

}  // namespace reverie
