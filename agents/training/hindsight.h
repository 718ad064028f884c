#pragma once

#include <optional>

#include "agents/run_config.h"
#include "agents/training/options.h"
#include "replay/batch.h"

namespace reverie {

// The goals that transitions are relabelled with; none for `--goal-strategy none`. An environment
// of the config, with its wrappers, gives the reward of a goal, so that rewards are on the scale of
// those that were recorded. Throws Error(kInput) for an unknown strategy, an environment whose
// observation does not hold the goals, and a frame skip.
std::optional<GoalSpec> hindsight_goals(const RunConfig& config, const HindsightOptions& options);

}  // namespace reverie
