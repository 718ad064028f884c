#pragma once

#include <cstdint>

#include <ATen/core/TensorBody.h>

#include "core/random.h"
#include "nn/parameters.h"

namespace reverie::td7 {

// The networks of TD7 (Fujimoto et al. 2023, arXiv:2306.02451, appendix B). Letters: B rows, S
// numbers of a state, A of an action, Z of an embedding, H of a hidden layer. Parameters have the
// names of the authors' code. A copy has its own weights.

struct Sizes {
  int64_t state, action, embedding, hidden;
};

// x / max(mean |x|, 1e-8) of each row.
at::Tensor avg_l1_norm(const at::Tensor& x);

// f and g, of three layers each with ELU between them.
class Embeddings {
 public:
  Embeddings(const Sizes& sizes, Rng& rng, at::Device device);

  at::Tensor state(const at::Tensor& s) const;  // z_s: [B, Z], normalised
  at::Tensor state_action(const at::Tensor& z_s, const at::Tensor& a) const;  // z_sa: [B, Z]

  Parameters& parameters() { return parameters_; }
  void state(StateList& list) { parameters_.state(list); }

 private:
  Parameters parameters_;
};

// Two critics with ELU; each reads the state and action through a normalised layer of its own.
class Critics {
 public:
  Critics(const Sizes& sizes, Rng& rng, at::Device device);

  // [2, B].
  at::Tensor operator()(const at::Tensor& s, const at::Tensor& a, const at::Tensor& z_sa,
                        const at::Tensor& z_s) const;

  Parameters& parameters() { return parameters_; }
  void state(StateList& list) { parameters_.state(list); }

 private:
  Parameters parameters_;
};

// mu(s, z_s) with ReLU and tanh; the state passes through a normalised layer.
class Policy {
 public:
  Policy(const Sizes& sizes, Rng& rng, at::Device device);

  at::Tensor operator()(const at::Tensor& s, const at::Tensor& z_s) const;  // [B, A] in [-1, 1]

  // Likewise before tanh.
  at::Tensor raw(const at::Tensor& s, const at::Tensor& z_s) const;

  Parameters& parameters() { return parameters_; }
  void state(StateList& list) { parameters_.state(list); }

 private:
  Parameters parameters_;
};

}  // namespace reverie::td7
