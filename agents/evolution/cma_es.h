#pragma once

#include <cstdint>
#include <memory>

#include <ATen/core/TensorBody.h>

#include "agents/evolution/evolution_strategy.h"

namespace reverie {

// CMA-ES with the full covariance matrix C = B D^2 B^T:
//
//   z ~ N(0, I),   y = B D z,   x = m + sigma y,   sorted by value
//   m <- m + sigma y_w,                  y_w = sum over the parents of w_i y_i
//   p_s <- (1 - c_s) p_s + sqrt(c_s (2 - c_s) mu_eff) B z_w
//   sigma <- sigma exp(c_s / d_s (|p_s| / E|N(0, I)| - 1)), growing by e at most
//   p_c <- (1 - c_c) p_c + h sqrt(c_c (2 - c_c) mu_eff) y_w
//   C <- (1 + c_1 delta - c_1 - c_mu sum w) C + c_1 p_c p_c^T + c_mu sum w'_i y_i y_i^T
//
// h = 0 stalls p_c while p_s is long, and delta makes up for it. Negative weights w'_i are scaled
// by n / |z_i|^2. B and D are computed anew every 1 / (10 n (c_1 + c_mu)) generations.
//
// Source: Hansen 2016, "The CMA Evolution Strategy: A Tutorial", arXiv:1604.00772v2, figure 6 and
// table 1; differs: the limit of sigma's growth, which is pycma's.
std::unique_ptr<EvolutionStrategy> make_cma_es(const EvolutionOptions& options,
                                               const at::Tensor& start, uint64_t seed);

}  // namespace reverie
