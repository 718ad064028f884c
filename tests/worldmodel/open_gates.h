#pragma once

#include <string>

#include "core/random.h"
#include "nn/layers.h"
#include "nn/parameters.h"

namespace reverie::test {

// A predictor's modulations are 0 before it has learnt, so neither actions nor other frames change
// its output (AdaLN-zero). With random ones everything does.
inline void open_gates(const Parameters& predictor, uint64_t seed = 1) {
  Rng rng(seed);
  for (const auto& [name, parameter] : predictor.named()) {
    if (name.find("adaLN_modulation.1.") != std::string::npos) fill_normal(parameter, 0.5, rng);
  }
}

}  // namespace reverie::test
