#pragma once

#include <cstdint>
#include <memory>

#include <ATen/core/TensorBody.h>

#include "agents/evolution/evolution_strategy.h"

namespace reverie {

// CMA-ES (cma_es.h) with a diagonal covariance matrix C = D^2 and therefore y = D z. It has only n
// numbers to learn, so c_1 and c_mu are (n + 2) / 3 times as large. Weights are positive.
//
// Source: Ros & Hansen 2008, "A Simple Modification in CMA-ES Achieving Linear Time and Space
// Complexity", section 3; differs: the constants that it scales are those of the newer tutorial.
std::unique_ptr<EvolutionStrategy> make_sep_cma_es(const EvolutionOptions& options,
                                                   const at::Tensor& start, uint64_t seed);

}  // namespace reverie
