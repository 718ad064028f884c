#pragma once

#include <cstdint>

#include <ATen/core/TensorBody.h>

#include "core/random.h"
#include "nn/parameters.h"
#include "nn/state_list.h"

namespace reverie::hilp {

struct Sizes {
  int64_t goal, hidden, features;
};

// phi(g) in R^d, two of them: Linear, LayerNorm, tanh, Linear, ReLU, Linear each, as the authors',
// but without a last bias, which neither distances nor centred features depend on. A copy has its
// own weights.
class HilbertFeatures {
 public:
  HilbertFeatures(const Sizes& sizes, Rng& rng, at::Device device);

  at::Tensor operator()(const at::Tensor& g) const;  // [B, G] to [2, B, d]

  at::Tensor first(const at::Tensor& g) const;  // phi_1(g): [B, d]

  Parameters& parameters() { return parameters_; }
  void state(StateList& list) { parameters_.state(list); }

 private:
  Parameters parameters_;
};

// -|phi(s) - phi(g)|, at most -0.001, where it has no gradient: [2, B].
at::Tensor distance_value(const at::Tensor& phi_s, const at::Tensor& phi_g);

}  // namespace reverie::hilp
