#pragma once

#include <cstdint>

#include <ATen/core/TensorBody.h>

#include "core/random.h"
#include "nn/parameters.h"
#include "nn/state_list.h"

namespace reverie::zero_shot {

// Networks as in the code of FB's authors (controllable_agent, fb_modules.py). Letters: B rows, X
// numbers of a state, or of its latent, that F and the policy read, A of an action, d of a task, H
// of a hidden layer. A copy has its own weights.

struct Sizes {
  int64_t state;    // X
  int64_t action;   // A
  int64_t task;     // d
  int64_t hidden;   // H
  int64_t outputs;  // of F
};

// sqrt(d) x / |x| of each row [B, d]; 0 for a row of zeros.
at::Tensor on_sphere(const at::Tensor& x);

// F(x, a, z), two of them. (x, a) and (x, z) each pass through Linear, LayerNorm, tanh, Linear and
// ReLU to H / 2 outputs, which both F share. Then come Linear, ReLU and Linear of each F.
class Forward {
 public:
  Forward(const Sizes& sizes, Rng& rng, at::Device device);

  // [2, B, outputs].
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& a, const at::Tensor& z) const;

  Parameters& parameters() { return parameters_; }
  void state(StateList& list) { parameters_.state(list); }

 private:
  Parameters parameters_;
};

// mu(x, z): [B, A] in [-1, 1]. x and (x, z) pass through layers as F's inputs do.
class Policy {
 public:
  Policy(const Sizes& sizes, Rng& rng, at::Device device);

  at::Tensor operator()(const at::Tensor& x, const at::Tensor& z) const;

  Parameters& parameters() { return parameters_; }
  void state(StateList& list) { parameters_.state(list); }

 private:
  Parameters parameters_;
};

struct EncoderSizes {
  int64_t inputs, hidden, outputs;
  int64_t layers = 2;  // hidden ones; 0 = a linear map
};

// e(s): [B, outputs], on the sphere. The first hidden layer is Linear, LayerNorm and tanh, the
// others Linear and ReLU.
class Encoder {
 public:
  Encoder(const EncoderSizes& sizes, Rng& rng, at::Device device);

  at::Tensor operator()(const at::Tensor& s) const;

  Parameters& parameters() { return parameters_; }
  void state(StateList& list) { parameters_.state(list); }

 private:
  int64_t layers_;
  Parameters parameters_;
};

}  // namespace reverie::zero_shot
