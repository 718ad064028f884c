#pragma once

#include <cstdint>
#include <string>

#include <ATen/core/TensorBody.h>

#include "nn/layers.h"
#include "nn/parameters.h"

namespace reverie {

enum class RecurrentKind : uint8_t { kLstm, kGru };

// A recurrent layer. Each step of a sequence takes x to the output h', given the state before it:
//
//   LSTM (Hochreiter & Schmidhuber 1997; forget gate: Gers, Schmidhuber & Cummins 2000)
//     i, f, o = sigmoid(W x + b + U h + b'),  g = tanh(W x + b + U h + b'),  each with its own
//     weights
//     c' = f c + i g,   h' = o tanh(c')
//   GRU (Cho et al. 2014, arXiv:1406.1078, with the reset gate behind the matrix product)
//     r, z = sigmoid(W x + b + U h + b'),   n = tanh(W x + b + r (U h + b'))
//     h' = (1 - z) n + z h
//
// Parameters are those of PyTorch's nn.LSTM and nn.GRU of one layer, gates in the order i, f, g, o
// or r, z, n: weight_ih_l0 (W), weight_hh_l0 (U), bias_ih_l0 (b), bias_hh_l0 (b').
//
// Letters: T steps, B sequences, H = size(), S = state_size(). A state [B, S] is h, for an LSTM
// followed by c; a new sequence begins with 0.
//
// b' may be left out (it is then 0): an LSTM needs only one of the two, and TensorFlow's has one.
class RecurrentLayer {
 public:
  // Throws Error(kInput) for sizes below 1.
  static void declare(Shapes& shapes, const std::string& name, RecurrentKind kind, int64_t inputs,
                      int64_t size, bool second_bias = true);

  RecurrentLayer(const Parameters& parameters, const std::string& name, RecurrentKind kind);

  int64_t size() const { return recurrent_weight_.size(1); }
  int64_t state_size() const { return kind_ == RecurrentKind::kLstm ? 2 * size() : size(); }

  // One step: the state after x [B, inputs].
  at::Tensor step(const at::Tensor& x, const at::Tensor& state) const;

  // The output that belongs to a state: [B, H].
  at::Tensor output(const at::Tensor& state) const { return state.narrow(1, 0, size()); }

  // The outputs [T, B, H] of x [T, B, inputs]. state: before the first step. started: [T, B] bool,
  // steps before which a sequence begins anew, with a state of 0; undefined = none.
  //
  // LibTorch's fused layer cannot reset a state between two steps. It computes sequences without
  // such steps after the first: on the CPU, where reading `started` waits for nothing, and where
  // `started` is undefined. All others go step by step, with the inputs' products in one batch.
  // PyTorch's operators in this order, 128 steps of 8 sequences, 64 inputs and 128 units, forward
  // and backward on one thread of a busy machine: LSTM 58 ms fused, 200 ms step by step (310 ms
  // with lstm_cell, 540 ms with lstm for each step); GRU 170 ms and 220 ms.
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& state,
                        const at::Tensor& started = {}) const;

 private:
  struct State {
    at::Tensor h, c;  // [B, H] each; a GRU has no c
    State times(const at::Tensor& factor) const;
  };

  State unpack(const at::Tensor& state) const;

  // W x + b, and an LSTM's b', which do not depend on the state: [..., B, 4 H or 3 H].
  at::Tensor input_part(const at::Tensor& x) const;

  State advance(const at::Tensor& input_part, const State& state) const;

  // LibTorch's fused layer.
  at::Tensor unbroken(const at::Tensor& x, const State& state) const;

  RecurrentKind kind_;
  at::Tensor input_weight_, recurrent_weight_, input_bias_, recurrent_bias_;
};

}  // namespace reverie
