#pragma once

#include <cstdint>
#include <memory>

#include <ATen/core/TensorBody.h>

#include "agents/evolution/evolution_strategy.h"

namespace reverie {

// Limited-memory matrix adaptation. In the place of a covariance matrix there are M = 4 + 3 ln n
// directions m_j [n], which remember steps over longer and longer times:
//
//   z ~ N(0, I);   y = z, then for each direction j   y <- (1 - c_d,j) y + c_d,j m_j (m_j . y)
//   x = m + sigma y, sorted by value
//   m <- m + sigma y_w,                  y_w = sum over the parents of w_i y_i
//   p_s <- (1 - c_s) p_s + sqrt(c_s (2 - c_s) mu_eff) z_w
//   m_j <- (1 - c_c,j) m_j + sqrt(c_c,j (2 - c_c,j) mu_eff) z_w
//   sigma <- sigma exp(c_s / 2 (|p_s|^2 / n - 1)), growing by e at most
//
//   c_s = 2 L / n,   c_d,j = 1 / (1.5^(j-1) n),   c_c,j = L / (4^(j-1) n)
//
// In generation g only the first g directions are used. The weights are CMA-ES's.
//
// It is made for many numbers: Error(kInput) unless n >= 2 L.
//
// Source: Loshchilov, Glasmachers & Beyer 2017, "Limited-Memory Matrix Adaptation for Large Scale
// Black-box Optimization", arXiv:1705.06693, algorithm 1; differs: the limit of sigma's growth.
std::unique_ptr<EvolutionStrategy> make_lm_ma_es(const EvolutionOptions& options,
                                                 const at::Tensor& start, uint64_t seed);

}  // namespace reverie
