#pragma once

#include <cstdint>
#include <string>

#include "agents/agent.h"
#include "datasets/dataset.h"
#include "envs/env.h"

namespace reverie {

// Throws Error(kInput) when the rewards of a maze depend on a goal that changes from episode to
// episode: they are no one task. Where a reward needs more than a state nothing is known. Resets
// the environment.
void check_one_task(Env& env);

// Tells an agent that serves any reward (TaskAgent) to pursue that of an environment: from `count`
// states of a dataset, or as many as it has, drawn with the seed from up to 500 of its episodes.
// env: with the observations that the agent knows; the dataset holds its simulator's states
// (recordings/state_replay.h). Throws Error(kInput) as StateReplay does, and when the reward is 0
// in all of the states or is not finite in one.
void pursue_reward_of(TaskAgent& agent, Env& env, Dataset& dataset, int64_t count, uint64_t seed);

}  // namespace reverie
