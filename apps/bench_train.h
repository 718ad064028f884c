#pragma once

#include <vector>

#include "apps/bench_report.h"

namespace reverie {

// Training end to end, environment included: steps per second once the agent learns, with one
// update a step, and Stable-Baselines3's with the same hyper-parameters. flags.ids: agents; empty =
// all of them.
std::vector<BenchResult> bench_train(const BenchFlags& flags);

}  // namespace reverie
