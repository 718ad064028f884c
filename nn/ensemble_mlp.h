#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/TensorBody.h>

#include "core/random.h"
#include "nn/layers.h"
#include "nn/mlp.h"
#include "nn/parameters.h"

namespace reverie {

// E linear layers of the same size, as one product: y_e = x_e W_e^T + b_e.
class EnsembleLinear {
 public:
  // "name.weight" [E, outputs, inputs] and "name.bias" [E, outputs].
  static void declare(Shapes& shapes, const std::string& name, int64_t members, int64_t inputs,
                      int64_t outputs);

  EnsembleLinear(const Parameters& parameters, const std::string& name);

  // x: [E, B, inputs], or [B, inputs] that all members read. Returns [E, B, outputs].
  at::Tensor operator()(const at::Tensor& x) const;

  // One member alone; x: [B, inputs]. Returns [B, outputs].
  at::Tensor member(int64_t index, const at::Tensor& x) const;

 private:
  at::Tensor weight_, bias_;
};

// A layer norm of each of E members (LayerNorm).
class EnsembleNorm {
 public:
  // "name.gain" and "name.bias", [E, size].
  static void declare(Shapes& shapes, const std::string& name, int64_t members, int64_t size);

  EnsembleNorm(const Parameters& parameters, const std::string& name);

  at::Tensor operator()(const at::Tensor& x) const;  // [E, B, size]

  // One member alone; x: [B, size].
  at::Tensor member(int64_t index, const at::Tensor& x) const;

 private:
  at::Tensor gain_, bias_;
};

// Initialises a block of such layers, and of linear layers and norms that all members share, as
// reset_parameters() would each member's own: weights and their biases from U(-k, k), k =
// 1/sqrt(inputs).
void reset_ensemble(Parameters& parameters, Rng& rng);

// E multi-layer perceptrons of the same widths that read the same inputs: linear layers with ReLU
// between them and a linear output, as Mlp. Each layer is one product over all members, so twin
// critics take half as many operations as two networks.
class EnsembleMlp {
 public:
  // Initialised as Mlp is, each member by other numbers; a normalised trunk is one that all members
  // share. Throws Error unless every width and the number of members are at least 1, and for a
  // trunk without a hidden layer.
  EnsembleMlp(int64_t members, int64_t inputs, const std::vector<int64_t>& hidden, int64_t outputs,
              Rng& rng, at::Device device, MlpOptions options = {});

  // x: [B, inputs] float32. Returns [E, B, outputs].
  at::Tensor operator()(const at::Tensor& x) const;

  // The output of one member, [B, outputs]; index in [0, E).
  at::Tensor member(int64_t index, const at::Tensor& x) const;

  // "0.weight" [E, outputs, inputs], "0.bias" [E, outputs], "2.weight", ...: those of Mlp, stacked;
  // gains of norms have a name of their own. A trunk comes before them: "trunk.0.weight", ...,
  // "trunk.1.bias". With layer norms: "0.weight", "0.bias", "2.gain", "2.bias", "3.weight", ...
  Parameters& parameters() { return parameters_; }
  const Parameters& parameters() const { return parameters_; }

  void state(StateList& list) { parameters_.state(list); }

 private:
  at::Tensor forward(const at::Tensor& x, std::optional<int64_t> member) const;

  MlpOptions options_;
  size_t layers_;
  Parameters parameters_;
};

}  // namespace reverie
