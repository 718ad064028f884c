#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "datasets/dataset.h"

namespace reverie {

// The reward of being in a state, for tasks whose reward depends on the state only. The check uses
// it to find out which observation the rewards were computed from. observation: a row of
// "observation".
using StateReward = std::function<double(std::span<const double> observation)>;

// One finding in a dataset. A fault makes learning from it wrong; other findings are information.
struct DatasetFinding {
  bool is_fault = false;
  std::string text;
};

// Looks for known faults of published datasets: values that are not finite; a reset inside an
// episode, which shows as a jump of the observation (terminals or timeouts missing or shifted, as
// in D4RL's antmaze-v0); no mark of an end at all; rewards that follow neither the observation
// before nor the one after the action; episodes longer than the environment's, where an end is not
// marked (one step more is D4RL's habit and no fault). Reads everything once or twice. An empty
// result means a clean dataset. reward: empty = rewards are not checked. most_steps: the
// environment's episode limit, 0 = unknown.
std::vector<DatasetFinding> check_dataset(Dataset& dataset, const StateReward& reward = {},
                                          int64_t most_steps = 0);

}  // namespace reverie
