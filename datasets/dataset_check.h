#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "datasets/dataset.h"

namespace reverie {

// The reward of being in a state, where a task pays for states alone, for the check of which
// observation rewards were computed on. observation: a row of "observation".
using StateReward = std::function<double(std::span<const double> observation)>;

// One thing found in a dataset. A fault makes learning from it wrong; the rest is good to know.
struct DatasetFinding {
  bool is_fault = false;
  std::string text;
};

// Looks for what is known to be wrong in published datasets: values that are not finite; a reset
// inside an episode, which shows as a jump of the observation (terminals or timeouts missing or out
// of step, as in D4RL's antmaze-v0); no mark of an end at all; rewards that follow neither the
// observation before nor that after the action; episodes longer than the environment's, where the
// end of one is not marked (one step more is D4RL's habit and no fault). Reads everything once or
// twice. An empty result is a clean dataset. reward: rewards are not looked at where there is none.
// most_steps: after which the environment truncates an episode, 0 where that is not known.
std::vector<DatasetFinding> check_dataset(Dataset& dataset, const StateReward& reward = {},
                                          int64_t most_steps = 0);

}  // namespace reverie
