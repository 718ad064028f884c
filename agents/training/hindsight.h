#pragma once

#include <optional>

#include "agents/run_config.h"
#include "replay/batch.h"

namespace reverie {

// The goals that transitions are relabelled with, as [training] of the config asks; none for
// `--goal-strategy none`. What a goal is worth says an environment made from the config, wrappers
// included: rewards are on the scale of those recorded. Throws Error(kInput) for an unknown
// strategy, an environment whose observation does not hold the goals, and a frame skip.
std::optional<GoalSpec> hindsight_goals(const RunConfig& config);

}  // namespace reverie
