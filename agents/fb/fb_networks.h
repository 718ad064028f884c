#pragma once

#include <cstdint>

#include <ATen/core/TensorBody.h>

#include "core/random.h"
#include "nn/parameters.h"
#include "nn/state_list.h"

namespace reverie::fb {

// The networks of FB as in the authors' code (controllable_agent, fb_modules.py). Letters: B rows,
// S numbers of a state, A of an action, G of a goal, d of a task, H of a hidden layer. A copy has
// its own weights.

struct Sizes {
  int64_t state, action, goal, task, hidden;
};

// sqrt(d) x / |x| of each row [B, d]; 0 for a row of zeros.
at::Tensor on_sphere(const at::Tensor& x);

// F(s, a, z), two of them. (s, a) and (s, z) each pass through Linear, LayerNorm, tanh, Linear and
// ReLU to H / 2 outputs, which both F share. Then come Linear, ReLU and Linear of each F.
class Forward {
 public:
  Forward(const Sizes& sizes, Rng& rng, at::Device device);

  // [2, B, d].
  at::Tensor operator()(const at::Tensor& s, const at::Tensor& a, const at::Tensor& z) const;

  Parameters& parameters() { return parameters_; }
  void state(StateList& list) { parameters_.state(list); }

 private:
  Parameters parameters_;
};

// B(g): [B, d], on the sphere.
class Backward {
 public:
  Backward(const Sizes& sizes, Rng& rng, at::Device device);

  at::Tensor operator()(const at::Tensor& g) const;

  Parameters& parameters() { return parameters_; }
  void state(StateList& list) { parameters_.state(list); }

 private:
  Parameters parameters_;
};

// mu(s, z): [B, A] in [-1, 1]. s and (s, z) pass through layers as F's inputs do.
class Policy {
 public:
  Policy(const Sizes& sizes, Rng& rng, at::Device device);

  at::Tensor operator()(const at::Tensor& s, const at::Tensor& z) const;

  Parameters& parameters() { return parameters_; }
  void state(StateList& list) { parameters_.state(list); }

 private:
  Parameters parameters_;
};

}  // namespace reverie::fb
