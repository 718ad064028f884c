#pragma once

#include <optional>

#include "agents/run_config.h"
#include "agents/training/options.h"
#include "replay/batch.h"

namespace reverie {

// The goals for relabelling transitions; none for `--goal-strategy none`. An environment of the
// config, with its wrappers, computes the reward for a goal, so that rewards have the scale of the
// recorded ones. Throws Error(kInput) for an unknown strategy, an environment that does not observe
// its goals, and a frame skip.
std::optional<GoalSpec> hindsight_goals(const RunConfig& config, const HindsightOptions& options);

}  // namespace reverie
