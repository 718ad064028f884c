#pragma once

#include <vector>

#include "apps/bench_report.h"

namespace reverie {

// Sampling from replay buffers, compared with Stable-Baselines3's, with the speed of memory and,
// for a buffer in mapped files, with the same buffer in memory.
std::vector<BenchResult> bench_replay(const BenchFlags& flags);

}  // namespace reverie
