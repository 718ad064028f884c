#pragma once

#include <vector>

#include "apps/bench_report.h"

namespace reverie {

// The time of one plan: CEM of 300 samples, 30 iterations and 5 steps through LeWorldModel's
// predictor in full size, on the CPU, compared with PyTorch in Python. The median and the 95th
// percentile of plans made for `seconds`, at least six.
std::vector<BenchResult> bench_plan(const BenchFlags& flags);

}  // namespace reverie
