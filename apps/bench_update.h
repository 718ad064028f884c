#pragma once

#include <vector>

#include "apps/bench_report.h"

namespace reverie {

// Updates of agents on one batch, with the time that their matrix products alone would take at the
// speed of large ones; DDPG's also in PyTorch for Python. flags.ids: agents; empty = all of them.
std::vector<BenchResult> bench_update(const BenchFlags& flags);

}  // namespace reverie
