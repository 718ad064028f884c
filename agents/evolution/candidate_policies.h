#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/TensorBody.h>

#include "core/spec.h"

namespace reverie {

// Small policies whose weights are rows of a matrix, so that all candidates of a generation act in
// one batched product: a perceptron with tanh,
//
//   a = tanh(W_k ... tanh(W_1 f + b_1) ... + b_k)   of continuous actions, in [-1, 1]
//   a = argmax(W_k ... + b_k)                       of discrete ones
//
// Without hidden layers it is linear in the features f: with 288 features and 3 numbers of an
// action the controller of World Models, 867 weights (Ha & Schmidhuber 2018, arXiv:1803.10122).
//
// Letters: L candidates, E environments of each, F features, A numbers of an action or choices, n
// weights.
class CandidatePolicies {
 public:
  // Throws Error(kInput) that names the environment for an action that is neither a vector of
  // numbers nor a choice.
  CandidatePolicies(const EnvSpec& spec, int64_t features, const std::vector<int64_t>& hidden);

  int64_t size() const { return size_; }  // n

  // The actions of candidates weights [L, n] float32 for features [L, E, F]: [L, E, A] float32, or
  // [L, E] int64.
  at::Tensor act(const at::Tensor& weights, const at::Tensor& features) const;

  // Of rows that candidates take in turn, row i for candidate i % L: features [N, F] to [N, A] or
  // [N] on the CPU, without gradient. N is a multiple of L.
  at::Tensor act_in_turn(const at::Tensor& weights, const at::Tensor& features) const;

 private:
  struct Layer {
    int64_t inputs, outputs;
  };

  bool is_discrete_;
  std::vector<Layer> layers_;
  int64_t size_ = 0;
};

}  // namespace reverie
