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
  // Seeds instead of `seed`, [episodes]: episode i begins with Env::reset(episode_seeds[i]). Empty:
  // unused.
  std::vector<uint64_t> episode_seeds = {};
  int threads = 1;
  std::function<void(int64_t finished)> on_progress = {};
};

// Plays whole episodes with an actor made for it and returns them in an order independent of their
// lengths: that of episode_seeds if given. Throws Error for fewer than 1 episode, for a number of
// seeds other than the number of episodes, and what the environment throws.
std::vector<Episode> evaluate(const ActorMaker& make_actor, const EnvMaker& make,
                              const EvaluationOptions& options);

// One value per episode: its return, or a metric of that name (NaN if an episode lacks it).
std::vector<double> episode_returns(const std::vector<Episode>& episodes);
std::vector<double> episode_metric(const std::vector<Episode>& episodes, std::string_view name);

// The mean over the values that are not NaN; NaN when there are none.
double mean_of_numbers(const std::vector<double>& values);

}  // namespace reverie
