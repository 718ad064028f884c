#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "agents/agent.h"
#include "envs/env_lane.h"

namespace reverie {

struct EvaluationOptions {
  int64_t episodes = 100;
  uint64_t seed = 0;  // the same seed gives the same starts, whatever the policy
  // Instead of it, [episodes]: episode i begins with Env::reset(episode_seeds[i]). Empty: not.
  std::vector<uint64_t> episode_seeds = {};
  int threads = 1;
  std::function<void(int64_t finished)> on_progress = {};
};

// Plays whole episodes with an actor made for it and returns them in an order that does not depend
// on how long they took: that of episode_seeds where they are given. Throws Error for fewer than 1
// episode, for another number of seeds than episodes, and what the environment throws.
std::vector<Episode> evaluate(const ActorMaker& make_actor, const EnvMaker& make,
                              const EvaluationOptions& options);

// One value an episode: its return, or a metric of that name (NaN where an episode has none).
std::vector<double> episode_returns(const std::vector<Episode>& episodes);
std::vector<double> episode_metric(const std::vector<Episode>& episodes, std::string_view name);

// The mean over the values that are numbers; NaN when there is none.
double mean_of_numbers(const std::vector<double>& values);

}  // namespace reverie
